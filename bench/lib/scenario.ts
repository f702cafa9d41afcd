/** What a scenario is: variants that are measured in rounds, and the metrics that they yield. How rounds run is in `rounds.ts`. */

import type { Distribution } from './statistics.ts'

/** A number that a scenario yields, as a reader has to understand it. */
export interface Metric {
  readonly unit: string
  /** Which direction is the good one. */
  readonly better: 'lower' | 'higher'
  /** One sentence: what was counted, from where to where. */
  readonly means: string
}

/** What one round of one variant yields. */
export interface Measured {
  /** By the names of the scenario's metrics. */
  readonly metrics: Readonly<Record<string, number>>
  /** Wrong answers, refused connections, time-outs: any of them fails the scenario. */
  readonly errors: number
  /** What kinds of errors there were, for the reader who has to find them. */
  readonly errorKinds?: Readonly<Record<string, number>>
  /** Latencies by the name of what was measured, in milliseconds; the report draws them. */
  readonly latencies?: Readonly<Record<string, Distribution>>
}

/** One of the things that are compared. A peer is named as its users know it. */
export interface Variant {
  readonly name: string
  /**
   * One round, in fresh processes: starts them, warms them, measures and ends them. What is opened through `scope`
   * is closed after the round, and at Ctrl-C.
   */
  round(scope: Scope): Promise<Measured>
}

export interface Scenario {
  readonly name: string
  readonly title: string
  /** What the numbers answer, and what they do not; shown in the report. */
  readonly about: string
  readonly metrics: Readonly<Record<string, Metric>>
  /** How many rounds; five and three unless the scenario has a reason to differ. */
  readonly rounds?: { readonly full: number; readonly quick: number }
  /** Left out of `--quick`: it cannot say anything in a few seconds. */
  readonly fullOnly?: boolean
  /** Only with `--soak`. */
  readonly soakOnly?: boolean
  /** About how long it takes, for the estimate of what is left. */
  readonly seconds: { readonly full: number; readonly quick: number }
  /** Opens what all variants share (engines, tokens, accounts) and says which variants there are. */
  open(scope: Scope): Promise<readonly Variant[]>
}

/** Where something runs: how long it may take, where it may write, and what has to be closed when it ends. */
export interface Scope {
  /** Fewer and shorter rounds, and no peers that no budget names. */
  readonly quick: boolean
  /** Longer, where length is the point. */
  readonly soak: boolean
  /** A folder that is gone afterwards. */
  readonly dir: string
  /** Closes `part` when the scope ends, last opened first. Returns `part`. */
  closing<T extends { close(): unknown }>(part: T): T
  /** A scope inside of this one, for what ends earlier. */
  child(): Promise<Scope & { close(): Promise<void> }>
  /** `full`, or `quick` in a quick run. */
  pick<T>(full: T, quick: T): T
}
