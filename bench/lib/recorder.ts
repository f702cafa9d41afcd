/** Records the answers of a load: latencies, refusals and errors. */

import { type Distribution, distribute } from './statistics.ts'

/** Records one load. */
export interface Recorder {
  /** Ends the warm pass: answers count from now on. Errors also count before. */
  begin(nowMs: number): void
  /** Later answers and errors are not counted. */
  end(nowMs: number): void
  /** @param startedMs when the latency of the request began */
  answered(status: number, startedMs: number, nowMs: number): void
  failed(kind: string): void
  result(): Recorded
}

/** What was recorded. */
export interface Recorded {
  /** Answers with an expected status. */
  readonly count: number
  readonly perSecond: number
  /** In milliseconds. */
  readonly latency: Distribution
  /** Latencies of refusals, in milliseconds: a 503 of a full queue is neither a success nor an error. */
  readonly refused: Distribution
  readonly errors: number
  readonly errorKinds: Readonly<Record<string, number>>
}

/** The statuses that are not errors. */
export interface Expected {
  readonly statuses: readonly number[]
  /** Counted as refusals. */
  readonly refusals: readonly number[]
}

/** Creates a recorder; every other status counts as an error. */
export function createRecorder({ statuses, refusals }: Expected): Recorder {
  const latencies: number[] = []
  const refused: number[] = []
  const errorKinds: Record<string, number> = {}
  let begunMs = Number.POSITIVE_INFINITY
  let endedMs = Number.POSITIVE_INFINITY

  const failed = (kind: string) => {
    if (endedMs === Number.POSITIVE_INFINITY) errorKinds[kind] = (errorKinds[kind] ?? 0) + 1
  }
  return {
    begin: nowMs => {
      begunMs = nowMs
    },
    end: nowMs => {
      endedMs = nowMs
    },
    answered(status, startedMs, nowMs) {
      const list = statuses.includes(status) ? latencies : refusals.includes(status) ? refused : undefined
      if (list === undefined) failed(`status ${status}`)
      // Requests under way at the begin count, in exchange for those under way at the end.
      else if (nowMs >= begunMs && nowMs <= endedMs) list.push(nowMs - startedMs)
    },
    failed,
    result: () => ({
      count: latencies.length,
      perSecond: (latencies.length * 1000) / (endedMs - begunMs),
      latency: distribute(latencies),
      refused: distribute(refused),
      errors: Object.values(errorKinds).reduce((sum, count) => sum + count, 0),
      errorKinds
    })
  }
}
