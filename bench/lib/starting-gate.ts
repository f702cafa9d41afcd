/**
 * Holds every first request back until all connections are made.
 *
 * A busy Node server accepts one connection per turn of its event loop, and each connection that sends makes the turns
 * longer. Without the gate, a thousand connections would still be arriving at the end of the measurement, and only the
 * first of them would have been measured.
 */

import type autocannon from 'autocannon'

/** A gate before the first requests. */
export interface StartingGate {
  /** Holds the requests of `client` back until the gate opens. */
  hold(client: autocannon.Client): void
  /** Resolves when all connections are made; requests are sent from then on. */
  readonly opened: Promise<void>
}

const DEADLINE_MS = 15_000
/** How long the server gets to accept connections that the kernel has already made. */
const ACCEPT_MS = 100

/** Creates a gate for a number of connections. `opened` rejects if they are not made in time. */
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
