/** Starts background jobs one after another, so that a process which has just begun does not do everything at once. */

import type { RepeatedJob } from './repeat.ts'

export interface StartedJobs {
  /** Resolves when each has had its first run, well or not, or when they were stopped. */
  readonly firstRuns: Promise<void>
  /** Stops those that run, and starts no other. */
  stop(): Promise<void>
}

/**
 * Starts each job when the first run of the one before has ended, well or not.
 *
 * All at once they open every connection of their pool and compile all their code in the moment in which the process has
 * most to do, and on a busy machine each of them then misses its deadlines.
 */
export function startInTurn(starts: readonly (() => RepeatedJob)[]): StartedJobs {
  const jobs: RepeatedJob[] = []
  let stopped = false

  async function startAll(): Promise<void> {
    for (const start of starts) {
      if (stopped) return
      const job = start()
      jobs.push(job)
      await job.firstRun
    }
  }

  const firstRuns = startAll()
  return {
    firstRuns,
    async stop() {
      stopped = true
      await Promise.all(jobs.map(job => job.stop()))
      await firstRuns
    }
  }
}
