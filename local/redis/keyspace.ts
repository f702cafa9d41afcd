/** The keys of one engine: typed values with an expiry in milliseconds. All commands read and write through it. */
import { RedisError } from './reply.ts'
import { SortedSet } from './sorted-set.ts'

/** What a key can hold. An aggregate is never stored empty. */
export type Value = string | string[] | Set<string> | Map<string, string> | SortedSet

interface Entry {
  value: Value
  /** When the key expires; `Infinity` for a key without an expiry. */
  expiresAtMs: number
  /** Grows with every new key: the cursor of SCAN. */
  readonly serial: number
}

/** Tells whether a value has the type that a command needs. */
export type Kind<T extends Value> = (value: Value) => value is T

/** Whether a value is a string. */
export const isString: Kind<string> = value => typeof value === 'string'
/** Whether a value is a list. */
export const isList: Kind<string[]> = value => Array.isArray(value)
/** Whether a value is a set. */
export const isSet: Kind<Set<string>> = value => value instanceof Set
/** Whether a value is a hash. */
export const isHash: Kind<Map<string, string>> = value => value instanceof Map
/** Whether a value is a sorted set. */
export const isSortedSet: Kind<SortedSet> = value => value instanceof SortedSet

/** The name that TYPE answers. */
export function typeName(value: Value): string {
  if (isString(value)) return 'string'
  if (isList(value)) return 'list'
  if (isSet(value)) return 'set'
  return isHash(value) ? 'hash' : 'zset'
}

/**
 * The keys with their expiry.
 *
 * A key expires in the millisecond in which its PTTL reaches 0; Redis 7.0 still serves it in that millisecond.
 */
export class Keyspace {
  /** The time of the current command, with all commands that its script calls, or of the current transaction. */
  nowMs = 0
  /** The source of SPOP, between 0 and 1. */
  readonly random: () => number
  readonly #entries = new Map<string, Entry>()
  readonly #expiring = new Set<string>()
  #sweep = this.#expiring.values()
  #serial = 0

  constructor(random: () => number) {
    this.random = random
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value of a key of any type. */
  peek(key: string): Value | undefined {
    return this.#live(key)?.value
  }

  /** The value of a key, or undefined; throws WRONGTYPE for another type. */
  get<T extends Value>(key: string, kind: Kind<T>): T | undefined {
    const value = this.peek(key)
    if (value === undefined || kind(value)) return value
    throw new RedisError('WRONGTYPE Operation against a key holding the wrong kind of value')
  }

  /** The value of a key, or a new one stored under it. */
  getOrCreate<T extends Value>(key: string, kind: Kind<T>, create: () => T): T {
    const value = this.get(key, kind)
    if (value !== undefined) return value
    const created = create()
    this.set(key, created)
    return created
  }

  /** Stores a value and keeps the expiry that the key has. */
  set(key: string, value: Value): void {
    const entry = this.#live(key)
    if (entry) entry.value = value
    else this.#entries.set(key, { value, expiresAtMs: Number.POSITIVE_INFINITY, serial: ++this.#serial })
  }

  /** Removes a key; false if there was no key. */
  delete(key: string): boolean {
    const existed = this.#live(key) !== undefined
    this.#drop(key)
    return existed
  }

  /** When the key expires: `Infinity` for never, undefined for no key. */
  expiresAtMs(key: string): number | undefined {
    return this.#live(key)?.expiresAtMs
  }

  /** Sets when the key expires; a time in the past removes it now. */
  expireAt(key: string, atMs: number): void {
    const entry = this.#live(key)
    if (!entry) return
    entry.expiresAtMs = atMs
    if (atMs <= this.nowMs) this.#drop(key)
    else if (atMs === Number.POSITIVE_INFINITY) this.#expiring.delete(key)
    else this.#expiring.add(key)
  }

  /** Every live key after a cursor, with its own cursor. Walks the keys from the start. */
  *after(cursor: number): Generator<[key: string, value: Value, cursor: number]> {
    for (const [key, entry] of this.#entries) {
      if (entry.serial > cursor && entry.expiresAtMs > this.nowMs) yield [key, entry.value, entry.serial]
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#expiring.clear()
  }

  /** Checks the next few keys with an expiry, so that expired keys are removed even if no command reads them again. */
  purgeSome(count = 4): void {
    if (this.#expiring.size === 0) return
    for (let looked = 0; looked < count; looked++) {
      const { value: key, done } = this.#sweep.next()
      if (!done) this.#live(key)
      else this.#sweep = this.#expiring.values()
    }
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (!entry || entry.expiresAtMs > this.nowMs) return entry
    this.#drop(key)
    return undefined
  }

  #drop(key: string): void {
    this.#entries.delete(key)
    this.#expiring.delete(key)
  }
}
