/** Medians, spreads and distributions. No value is discarded as an outlier. */

/** A number from several rounds. */
export interface Summary {
  readonly median: number
  /**
   * 1.4826 × the median absolute deviation from the median. For normal noise it equals the standard deviation, and one
   * disturbed round hardly changes it.
   */
  readonly spread: number
  readonly rounds: number
}

/** Latencies as quantiles: enough to draw them, small enough to keep. */
export interface Distribution {
  readonly count: number
  /** By `QUANTILES`, in the unit of the samples. */
  readonly quantiles: readonly number[]
}

/** The quantiles of a distribution that are kept, dense in the tail. */
export const QUANTILES: readonly number[] = [0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1]

const MAD_TO_SIGMA = 1.4826

/** The value below which a share `q` of the samples lies. By nearest rank, so that it is always a measured value. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const rank = Math.ceil(q * sorted.length)
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? Number.NaN
}

/** The middle value, or the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? high : (low + high) / 2
}

/** Summarizes one value per round. */
export function summarize(values: readonly number[]): Summary {
  const middle = median(values)
  const spread = MAD_TO_SIGMA * median(values.map(value => Math.abs(value - middle)))
  return { median: middle, spread, rounds: values.length }
}

/** Reduces samples to their quantiles. @param samples in any order; they are not changed */
export function distribute(samples: ArrayLike<number>): Distribution {
  const sorted = Float64Array.from(samples).sort()
  return { count: sorted.length, quantiles: QUANTILES.map(q => quantile(sorted, q)) }
}

/** A quantile of a distribution; `q` must be one of `QUANTILES`. */
export function quantileOf(distribution: Distribution, q: number): number {
  const index = QUANTILES.indexOf(q)
  if (index < 0) throw new RangeError(`"${q}" is not one of the quantiles that are kept`)
  return distribution.quantiles[index] ?? Number.NaN
}

/** Merges the distributions of rounds: the median at each quantile, so that one bad round does not dominate. */
export function mergeRounds(rounds: readonly Distribution[]): Distribution {
  return {
    count: rounds.reduce((sum, { count }) => sum + count, 0),
    quantiles: QUANTILES.map((_, i) => median(rounds.map(({ quantiles }) => quantiles[i] ?? Number.NaN)))
  }
}
