/** A small origin for tests of the edge: it publishes keys and gives the answers that the test sets. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import type { Teardown } from '../../lib/test-engines.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface TinyOrigin {
  readonly url: string
  /** The requests, oldest first, without those for keys. */
  readonly requests: IncomingMessage[]
  /** The answer; may be changed at any time. */
  answer: Answer
  /** Closes it and all open connections. */
  close(): Promise<void>
}

/** Opens an origin that answers 200 and `ok` until the test sets another answer. */
export async function openTinyOrigin(t: Teardown, keys: readonly PublicJwk[] = []): Promise<TinyOrigin> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    if (request.url === '/.well-known/jwks.json') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }))
      return
    }
    requests.push(request)
    origin.answer(request, response)
  })
  const close = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(close)
  const { port } = server.address() as AddressInfo
  const origin: TinyOrigin = {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer: (_request, response) => response.end('ok'),
    close
  }
  return origin
}

/** Reads a whole request body. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await request.toArray())
}
