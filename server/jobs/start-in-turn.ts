/** Starts background jobs one after another, so that a new process does not do everything at once. */

import type { RepeatedJob } from './repeated-job.ts'

/** Jobs of which some have started. */
export interface StartedJobs {
  /** Resolves when each job has had its first run, also where that run failed, or when the jobs were stopped. */
  readonly firstRuns: Promise<void>
  /** Stops the jobs that run, and starts no other. */
  stop(): Promise<void>
}

/**
 * Starts each job when the first run of the job before it has ended.
 *
 * Started at once, they would open every connection of their pool and compile all their code while the process has most
 * to do. On a busy machine each of them would then miss its deadlines.
 */
export function startInTurn(jobs: readonly RepeatedJob[]): StartedJobs {
  const started: RepeatedJob[] = []
  let stopped = false

  async function startAll(): Promise<void> {
    for (const job of jobs) {
      if (stopped) return
      started.push(job)
      await job.start()
    }
  }

  const firstRuns = startAll()
  return {
    firstRuns,
    async stop() {
      stopped = true
      await Promise.all(started.map(job => job.stop()))
      await firstRuns
    }
  }
}
