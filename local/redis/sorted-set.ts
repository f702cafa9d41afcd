/** A sorted set: an array in order of (score, bytes) and a map of scores. Adding copies the tail: fine for local use. */

/** One member with its score. */
export interface Scored {
  readonly member: string
  readonly score: number
}

/** A sorted set, independent of commands and replies. */
export class SortedSet {
  readonly #scores = new Map<string, number>()
  readonly #order: Scored[] = []

  get size(): number {
    return this.#order.length
  }

  /** The score of a member. */
  score(member: string): number | undefined {
    return this.#scores.get(member)
  }

  /** Adds a member or moves it to its new score. */
  set(member: string, score: number): void {
    this.delete(member)
    this.#scores.set(member, score)
    this.#order.splice(this.#position(member, score), 0, { member, score })
  }

  /** Removes a member; false if it was not in the set. */
  delete(member: string): boolean {
    const score = this.#scores.get(member)
    if (score === undefined) return false
    this.#scores.delete(member)
    this.#order.splice(this.#position(member, score), 1)
    return true
  }

  /** The place of a member, from 0, lowest first. */
  rank(member: string): number | undefined {
    const score = this.#scores.get(member)
    return score === undefined ? undefined : this.#position(member, score)
  }

  /** Members from `start` up to, but excluding, `end`. */
  slice(start: number, end: number): Scored[] {
    return this.#order.slice(start, end)
  }

  /** The first place where `reached` is true. It must be true for all later places as well. */
  firstWhere(reached: (entry: Scored) => boolean): number {
    let [low, high] = [0, this.#order.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const entry = this.#order[middle]
      if (entry && reached(entry)) high = middle
      else low = middle + 1
    }
    return low
  }

  #position(member: string, score: number): number {
    return this.firstWhere(entry => entry.score > score || (entry.score === score && entry.member >= member))
  }
}
