/** Runs a background job again and again, one run at a time, and at once when woken. */

/** The work of a job, and the pause between its runs. */
export interface RepeatedJobOptions {
  /** Runs once. An error that it throws goes to `onError`, and the job runs again. */
  readonly run: () => Promise<void>
  /** The pause between two runs. */
  readonly everyMs: number
  readonly onError: (error: unknown) => void
}

/** A background job and its controls. */
export interface RepeatedJob {
  /** Begins the first run. Resolves when that run has ended, also where it failed, or when the job was stopped. */
  start(): Promise<void>
  /** Runs now, or once more after the current run. Has no effect before `start()`, which runs the job at once. */
  wake(): void
  /** Lets the current run finish, and begins no other. */
  stop(): Promise<void>
}

/** Creates a job that waits for its start. Its timer does not keep the process alive. */
export function createRepeatedJob({ run, everyMs, onError }: RepeatedJobOptions): RepeatedJob {
  let state: 'new' | 'started' | 'stopped' = 'new'
  let isDue = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  const firstRun = Promise.withResolvers<void>()

  async function loop(): Promise<void> {
    while (isDue && state === 'started') {
      isDue = false
      await run().catch(onError)
      firstRun.resolve()
    }
    running = undefined
    if (state === 'started') timer = setTimeout(wake, everyMs).unref()
  }

  function wake(): void {
    if (state !== 'started') return
    isDue = true
    if (running !== undefined) return
    clearTimeout(timer)
    running = loop()
  }

  return {
    wake,
    start() {
      if (state === 'new') state = 'started'
      wake()
      return firstRun.promise
    },
    async stop() {
      state = 'stopped'
      clearTimeout(timer)
      await running
      firstRun.resolve()
    }
  }
}
