/** Runs expensive work a few pieces at a time behind a bounded queue: a refusal is better than an answer a minute late. */

/** The queue is full. `retryAfterSeconds` estimates when it has room again. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
  readonly retryAfterSeconds: number
  constructor(retryAfterSeconds: number) {
    super('the hashing queue is full')
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The bounds of a queue. */
export interface HashQueueOptions {
  /** Pieces of work at a time. One per core keeps the cores busy and leaves threads for other work. */
  readonly concurrency: number
  /** Pieces of work that may wait. */
  readonly maxWaiting: number
}

/** A bounded queue in front of expensive work. */
export interface HashQueue {
  /**
   * For a caller with other work to do first, which would be in vain without room in the queue.
   *
   * @throws {QueueFullError}
   */
  ensureRoom(): void
  /** @throws {QueueFullError} at once, before the work began */
  run<T>(work: () => Promise<T>): Promise<T>
}

/** Creates an empty queue. */
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
        // Finished work hands its place on, so `running` does not change.
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
