/** Writes down what came back: latencies to the microsecond, statuses, and everything that went wrong. */

import { type Distribution, distribute } from './statistics.ts'

export interface Recorder {
  /** From here on answers are counted; what came before was the warm pass. Errors count from the beginning to the end. */
  begin(nowMs: number): void
  /** What comes after is not counted any more. */
  end(nowMs: number): void
  /** @param startedMs when waiting for the answer began */
  answered(status: number, startedMs: number, nowMs: number): void
  failed(kind: string): void
  result(): Recorded
}

export interface Recorded {
  /** Answers with an expected status. */
  readonly count: number
  readonly perSecond: number
  /** In milliseconds. */
  readonly latency: Distribution
  /** Of the answers that are neither expected nor errors, such as a 503 where it is an honest refusal. */
  readonly refused: Distribution
  readonly errors: number
  readonly errorKinds: Readonly<Record<string, number>>
}

export interface Expected {
  readonly statuses: readonly number[]
  /** Counted apart, and not as errors. */
  readonly refusals: readonly number[]
}

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
      // What was under way when counting began is counted: it is as much work as what is under way when it ends.
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
