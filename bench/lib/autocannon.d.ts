/** The part of autocannon 9 in use. A paced load replaces methods of its client, so the version is pinned. */

declare module 'autocannon' {
  import type { EventEmitter } from 'node:events'

  namespace autocannon {
    /** One connection. */
    interface Client extends EventEmitter {
      readonly conn: EventEmitter
      /** Sends the next request; called once connected and after each answer. */
      _doRequest(): void
      /** The bytes of the request that is sent next. */
      getRequestBuffer(): Uint8Array
    }
    interface Options {
      readonly url: string
      readonly connections: number
      /** Seconds. */
      readonly duration: number
      /** Seconds until a request counts as failed. */
      readonly timeout?: number
      /** Milliseconds between looks at the clock. */
      readonly sampleInt?: number
      readonly setupClient?: (client: Client) => void
    }
    interface Tracker extends EventEmitter {
      stop(): void
    }
    interface Result {
      readonly errors: number
      readonly timeouts: number
    }
  }

  function autocannon(
    options: autocannon.Options,
    done: (error: Error | null, result: autocannon.Result) => void
  ): autocannon.Tracker
  export = autocannon
}
