/** A map that forgets what was not used recently, so that a crowd of new keys cannot fill the memory. */

/** The part of a `Map` that its users need. */
export interface BoundedMap<Key, Value> {
  get(key: Key): Value | undefined
  /** Reads without counting as use: moves nothing and forgets nothing. */
  peek(key: Key): Value | undefined
  set(key: Key, value: Value): void
  delete(key: Key): void
}

/**
 * Creates a map of at most `maxEntries` entries.
 *
 * It never forgets the `maxEntries / 2` entries that were used last, by `get` or by `set`; older ones may be gone. Two
 * generations instead of a list: reading a young entry moves nothing, and forgetting is one assignment.
 *
 * @param maxEntries two or more: each generation keeps at least one entry
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
