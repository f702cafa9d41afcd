/** Runs expensive work a few at a time behind a bounded queue: better an honest "not now" than an answer a minute late. */

/** The queue is full. `retryAfterSeconds` is when it will have room again, at the pace seen so far. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
  readonly retryAfterSeconds: number
  constructor(retryAfterSeconds: number) {
    super('the hashing queue is full')
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export interface HashQueueOptions {
  /** Pieces of work at a time; one per core keeps the cores busy and nothing else waiting. */
  readonly concurrency: number
  /** Pieces of work that may wait. */
  readonly maxWaiting: number
}

export interface HashQueue {
  /**
   * For whoever has other work to do first: where there is no room, that work would be in vain.
   *
   * @throws {QueueFullError}
   */
  ensureRoom(): void
  /** @throws {QueueFullError} at once, without having begun */
  run<T>(work: () => Promise<T>): Promise<T>
}

export function createHashQueue({ concurrency, maxWaiting }: HashQueueOptions): HashQueue {
  const waiting: (() => void)[] = []
  let running = 0

  function ensureRoom(): void {
    const isFull = running >= concurrency && waiting.length >= maxWaiting
    if (isFull) throw new QueueFullError(1 + Math.floor(maxWaiting / (concurrency * 5)))
  }

  return {
    ensureRoom,
    async run(work) {
      ensureRoom()
      if (running >= concurrency) {
        // Whoever finishes hands its place on, so `running` stays as it is.
        await new Promise<void>(resolve => waiting.push(resolve))
      } else {
        running++
      }
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else running--
      }
    }
  }
}
