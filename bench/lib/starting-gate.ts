/**
 * Holds every first request until all connections stand.
 *
 * A busy Node server accepts one connection each time its event loop comes round, and it comes round more slowly with
 * each that is already sending: without the gate, a thousand connections would still be arriving when the measurement
 * is over, and the first to arrive would be all that was measured.
 */

import type autocannon from 'autocannon'

export interface StartingGate {
  /** Puts the gate before the requests of `client`. */
  hold(client: autocannon.Client): void
  /** Resolves when all connections stand; requests are sent from then on. */
  readonly opened: Promise<void>
}

const DEADLINE_MS = 15_000
/** Connections that the kernel has made may still wait for the server to accept them. */
const ACCEPT_MS = 100

/** Creates a gate for so many connections. `opened` rejects where they do not stand in time. */
export function createStartingGate(connections: number): StartingGate {
  const held: (() => void)[] = []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const deadline = setTimeout(
    () => reject(new Error(`only ${connected} of ${connections} connections were made within ${DEADLINE_MS} ms`)),
    DEADLINE_MS
  )
  let connected = 0
  let isOpen = false

  function open(): void {
    isOpen = true
    for (const send of held.splice(0)) send()
    resolve()
  }
  function arrived(): void {
    if (++connected < connections) return
    clearTimeout(deadline)
    setTimeout(open, ACCEPT_MS)
  }
  return {
    opened: promise,
    hold(client) {
      const send = client._doRequest.bind(client)
      client._doRequest = () => {
        if (isOpen) return send()
        held.push(send)
        client.conn.once('connect', arrived)
      }
    }
  }
}
