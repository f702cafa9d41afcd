/** Runs a background job again and again, one run at a time, and at once when woken. */

export interface RepeatOptions {
  /** Runs once; what it throws is told and forgotten. */
  readonly run: () => Promise<void>
  /** The pause between two runs. */
  readonly everyMs: number
  readonly onError: (error: unknown) => void
}

export interface RepeatedJob {
  /** Resolves when the first run has ended, well or not. */
  readonly firstRun: Promise<void>
  /** Runs now, or once more after the run that is under way. */
  wake(): void
  /** Lets the run that is under way finish, and begins no other. */
  stop(): Promise<void>
}

/** Starts a job with a first run at once. Its timer does not keep the process alive. */
export function repeat({ run, everyMs, onError }: RepeatOptions): RepeatedJob {
  let stopped = false
  let wanted = true
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  const first = Promise.withResolvers<void>()

  async function loop(): Promise<void> {
    while (wanted && !stopped) {
      wanted = false
      await run().catch(onError)
      first.resolve()
    }
    running = undefined
    if (!stopped) timer = setTimeout(wake, everyMs).unref()
  }

  function wake(): void {
    wanted = true
    if (stopped || running !== undefined) return
    clearTimeout(timer)
    running = loop()
  }

  wake()
  return {
    firstRun: first.promise,
    wake,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    }
  }
}
