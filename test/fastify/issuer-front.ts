/** A server in front of an origin that passes its keys on; the test chooses the origin, or none. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '../lib/test-engines.ts'

interface IssuerFront {
  readonly jwksUrl: string
  /** The origin of the keys; without one it breaks every connection. */
  origin: string | undefined
  /** The number of requests for the keys. */
  downloads: number
}

/** Opens the server; the origin behind it may change at any time. */
export async function openIssuerFront(t: Teardown, origin?: string): Promise<IssuerFront> {
  const server = createServer(async (request, response) => {
    front.downloads += 1
    if (front.origin === undefined) return request.socket.destroy()
    const answer = await fetch(front.origin + request.url)
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const front: IssuerFront = { jwksUrl: `http://127.0.0.1:${port}/.well-known/jwks.json`, origin, downloads: 0 }
  return front
}
