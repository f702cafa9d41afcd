/** A map that forgets what was not used for long, so that no crowd of strangers can fill the memory. */

/** As much of a `Map` as is needed. */
export interface BoundedMap<Key, Value> {
  get(key: Key): Value | undefined
  /** Reads without counting as use: moves nothing and forgets nothing. */
  peek(key: Key): Value | undefined
  set(key: Key, value: Value): void
  delete(key: Key): void
}

/**
 * Creates a map that holds the `maxEntries` used last, and at most that many.
 *
 * Two generations instead of a list: reading moves nothing that was read of late, and forgetting is one assignment. What
 * was used since half of the map was filled is there; what was not may be gone.
 *
 * @param maxEntries two or more: of each generation one entry is always kept
 */
export function createBoundedMap<Key, Value>(maxEntries: number): BoundedMap<Key, Value> {
  const maxYoung = Math.max(1, Math.floor(maxEntries / 2))
  let young = new Map<Key, Value>()
  let old = new Map<Key, Value>()

  function set(key: Key, value: Value): void {
    if (!young.has(key) && young.size >= maxYoung) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    set,
    peek: key => young.get(key) ?? old.get(key),
    get(key) {
      const value = young.get(key)
      if (value !== undefined) return value
      const older = old.get(key)
      if (older !== undefined) set(key, older)
      return older
    },
    delete(key) {
      young.delete(key)
      old.delete(key)
    }
  }
}
