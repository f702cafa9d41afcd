/** A TCP proxy in front of PostgreSQL that counts round trips: each ends with one Sync message of the client. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Teardown } from './test-engines.ts'

const SYNC = 0x53

export interface RoundTrips {
  /** The database's URL, through the proxy. */
  readonly url: string
  /** Round trips so far. */
  count(): number
}

/** Opens the proxy. TLS is not spoken: it reads the messages. */
export async function countRoundTrips(t: Teardown, databaseUrl: string): Promise<RoundTrips> {
  const target = new URL(databaseUrl)
  let count = 0
  const server = createServer(client => {
    const upstream = connect(Number(target.port), target.hostname)
    const onMessage = (type: number) => {
      if (type === SYNC) count++
    }
    const read = createMessageReader(onMessage)
    client.on('data', chunk => {
      read(chunk)
      upstream.write(chunk)
    })
    upstream.pipe(client)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)
  url.hostname = '127.0.0.1'
  return { url: url.href, count: () => count }
}

/** Splits a stream into messages: the start-up one has no type, every other is type (1) · length (4) · body. */
function createMessageReader(onMessage: (type: number) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0)
  let started = false
  return chunk => {
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      const header = started ? 1 : 0
      if (pending.length < header + 4) return
      const length = header + pending.readUInt32BE(header)
      if (pending.length < length) return
      if (started) onMessage(pending[0] ?? 0)
      started = true
      pending = pending.subarray(length)
    }
  }
}
