/** What a scenario is: variants, measured in rounds, and their metrics. `rounds.ts` runs it; `../budgets.ts` has its bars. */

import type { Distribution } from './statistics.ts'

/** A number that a scenario measures, described for the reader of the report. */
export interface Metric {
  readonly unit: string
  /** Which direction is an improvement. */
  readonly better: 'lower' | 'higher'
  /** In one phrase: what was counted, and between which two points. */
  readonly means: string
}

/** The numbers of one round of one variant. */
export interface Measured {
  /** By the names of the scenario's metrics. */
  readonly metrics: Readonly<Record<string, number>>
  /** Wrong answers, refused connections and timeouts. A single one fails the scenario. */
  readonly errors: number
  /** The number of errors of each kind. */
  readonly errorKinds?: Readonly<Record<string, number>>
  /** Latencies in milliseconds, by the label that the report shows. */
  readonly latencies?: Readonly<Record<string, Distribution>>
}

/** One of the things compared. A peer has the name that its users know. */
export interface Variant {
  readonly name: string
  /**
   * One round, in new processes: starts them, warms them up and measures. Everything opened through `scope` is closed
   * after the round, and at Ctrl-C.
   */
  round(scope: Scope): Promise<Measured>
}

/** A scenario. */
export interface Scenario {
  readonly name: string
  readonly title: string
  /** What the numbers show and what they do not; printed in the report. */
  readonly about: string
  readonly metrics: Readonly<Record<string, Metric>>
  /** The number of rounds; `rounds.ts` has the default. */
  readonly rounds?: { readonly full: number; readonly quick: number }
  /** Left out of `--quick`: a few seconds are too short for it. */
  readonly fullOnly?: boolean
  /** Only with `--soak`. */
  readonly soakOnly?: boolean
  /** The expected duration, for the estimate of the time left. */
  readonly seconds: { readonly full: number; readonly quick: number }
  /** Opens what all variants share (engines, tokens, users) and returns the variants. */
  open(scope: Scope): Promise<readonly Variant[]>
}

/** The context of a run, a scenario or a round: its options, its folder, and the parts to close at its end. */
export interface Scope {
  /** Fewer and shorter rounds, without peers that no budget uses. */
  readonly quick: boolean
  /** Longer runs of scenarios that watch growth over time. */
  readonly soak: boolean
  /** A temporary folder, removed at the end. */
  readonly dir: string
  /** Closes `part` when the scope ends, last opened first. Returns `part`. */
  closing<T extends { close(): unknown }>(part: T): T
  /** A scope inside this one, for parts that end earlier. */
  child(): Promise<Scope & { close(): Promise<void> }>
  /** `full`, or `quick` in a quick run. */
  pick<T>(full: T, quick: T): T
}
