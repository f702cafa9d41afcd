/**
 * Whether a request may pass: its quotas and the revocation view, from memory where they are known, else by one round trip
 * to Redis for everything that is missing. One per process or isolate. Who asks Redis, and when, is `refill.ts`.
 */

import { createBoundedMap } from '../contract/bounded-map.ts'
import type { StoreFailurePolicy } from '../contract/policies.ts'
import type { QuotaState } from '../contract/rate-limit-fields.ts'
import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import { createFallbackQuotas, type FallbackQuotas } from '../limiter/fallback-quotas.ts'
import { remainingOf, spend, waitMs } from '../limiter/lease.ts'
import type { RevocationView, SessionStatus, TokenSession } from '../revocation/revocation-view.ts'
import type { Redis } from '../store/open-redis.ts'
import type { StoreError } from '../store/run-scripts.ts'
import { type Charge, type ChargeResult, refused } from './charge.ts'
import { createEntry, type Entry, entryKey, standingIn } from './entry.ts'
import { type Background, createRefill } from './refill.ts'

export interface Admission {
  /**
   * Brings what `take` and `standing` need into memory: by one round trip where something is missing, else at once, and
   * renews behind the request what is about to be used up. Never rejects because of Redis.
   */
  prepare(takes: readonly Charge[], isRevocable: boolean, background: Background): Promise<void> | undefined
  /** Debits all takes, or none where one of them refuses. */
  take(takes: readonly Charge[], onStoreFailure: StoreFailurePolicy): ChargeResult
  /** The refusal of takes that are known to be refused; they are not debited. */
  refusalOf(takes: readonly Charge[]): ChargeResult | undefined
  /** How the session of a token stands, for a request that began at `begunAtMs`. */
  standing(session: TokenSession, begunAtMs: number): SessionStatus
}

export interface AdmissionOptions {
  readonly redis: Redis
  readonly view: RevocationView
  readonly nowMs: () => number
  /** Subjects whose leases are remembered; the leases of forgotten ones are stranded. */
  readonly maxSubjects: number
  /** What of a quota this instance still grants while Redis is away: 0.1 is a tenth, at least one request. */
  readonly fallbackShare: number
  /** How long Redis is left alone after it failed. */
  readonly breakerResetMs: number
  /** Told of each failure, and how many requests the floor has answered since the last one. */
  readonly onStoreFailure: (error: StoreError, answeredByFloor: number) => void
}

const NAMES: OptionNames<AdmissionOptions> = {
  redis: 'required',
  view: 'required',
  nowMs: 'required',
  maxSubjects: 'required',
  fallbackShare: 'required',
  breakerResetMs: 'required',
  onStoreFailure: 'required'
}

/** Requests may read their clocks so much out of order. Spending stops as long before a lease expires. */
const MAX_DISORDER_MS = 50

/**
 * Creates the admission. Throws a TypeError on an option that is missing or unknown.
 *
 * @example
 * const admission = createAdmission({
 *   redis,
 *   view: createRevocationView({ maxAgeMs: 1_000, retentionMs: 960_000, onKeyRemoved: kid => keys.remove(kid) }),
 *   nowMs: Date.now,
 *   maxSubjects: 10_000,
 *   floorShare: 0.1,
 *   backOffMs: 250,
 *   onStoreFailure: error => console.warn(error.message)
 * })
 * const takes = [{ name: 'search', policy: { quota: 1, windowMs: 60_000, sliceMs: 500 }, subject: '192.0.2.1' }]
 * await admission.prepare(takes, false, context.waitUntil)
 * admission.take(takes, 'refuse').refusal // → undefined
 * await admission.prepare(takes, false, context.waitUntil)
 * admission.take(takes, 'refuse').refusal // → 'rate-limited'
 */
// Over 40 lines: the closures share the entries.
export function createAdmission(options: AdmissionOptions): Admission {
  requireOptions('create an admission', options, NAMES)
  const { redis, view, nowMs } = options
  let entries = createBoundedMap<string, Entry>(options.maxSubjects)
  let latestMs = Number.NEGATIVE_INFINITY
  const floor = createFallbackQuotas({ share: options.fallbackShare, maxSubjects: options.maxSubjects })
  let answeredByFloor = 0
  const refill = createRefill({
    redis,
    view,
    nowMs,
    backOffMs: options.breakerResetMs,
    onStoreFailure: error => {
      options.onStoreFailure(error, answeredByFloor)
      answeredByFloor = 0
    }
  })

  const standing = (entry: Entry) => standingIn(entry, nowMs())

  /** The time, for a request that begins. */
  function beginMs(): number {
    const begunAtMs = nowMs()
    const isSetBack = begunAtMs < latestMs - MAX_DISORDER_MS
    // A clock that was set back would stretch the life of every lease: all of them are given up, which strands them.
    if (isSetBack) {
      entries = createBoundedMap(options.maxSubjects)
      refill.forget()
    }
    latestMs = isSetBack ? begunAtMs : Math.max(latestMs, begunAtMs)
    return begunAtMs
  }

  function entryOf(take: Charge): Entry {
    const key = entryKey(take)
    const known = entries.get(key)
    if (known !== undefined) return known
    const entry = createEntry(take, key)
    entries.set(key, entry)
    return entry
  }

  function standingAfter({ take, account }: Entry): QuotaState {
    const remaining = remainingOf(account, nowMs())
    return { name: take.name, policy: take.policy, remaining, retryAfterMs: 0 }
  }

  function heldBy({ take, account }: Entry): QuotaState {
    return { name: take.name, policy: take.policy, remaining: 0, retryAfterMs: waitMs(account, nowMs()) }
  }

  /** Where Redis cannot be asked: stricter quotas in memory, of which all are debited, or none. */
  function takeFromFloor(unknown: readonly Entry[]): readonly (QuotaState & { readonly allowed: boolean })[] {
    answeredByFloor += unknown.length
    const judge = (by: FallbackQuotas['charge']) =>
      unknown.map(({ key, take: { name, policy } }) => {
        const { allowed, remaining, retryAfterMs } = by(key, policy, nowMs())
        return { name, policy, remaining, retryAfterMs, allowed }
      })
    const judged = judge(floor.peek)
    return judged.every(({ allowed }) => allowed) ? judge(floor.charge) : judged
  }

  return {
    standing: (session, begunAtMs) => view.status(session, begunAtMs),

    prepare(takes, isRevocable, background) {
      const begunAtMs = beginMs()
      const need = { entries: takes.map(entryOf), isRevocable, begunAtMs, background }
      const { entries: missing, isBlind } = refill.missingOf(need)
      if (missing.length === 0 && !isBlind) return void refill.renewBehind(need)
      if (!refill.isFailing()) return refill.obtain(need)
      const probing = refill.probe({ ...need, entries: missing })
      // Whose session nobody can vouch for is refused otherwise, though Redis may be back for long: nothing to lose.
      return isBlind ? probing : undefined
    },

    refusalOf(takes) {
      const held = takes.map(entryOf).filter(entry => standing(entry) === 'held')
      return held.length === 0 ? undefined : refused('rate-limited', held.map(heldBy))
    },

    take(takes, onStoreFailure) {
      const wanted = takes.map(entryOf)
      const standings = new Map(wanted.map(entry => [entry, standing(entry)]))
      const held = wanted.filter(entry => standings.get(entry) === 'held')
      if (held.length > 0) return refused('rate-limited', held.map(heldBy))

      const unknown = wanted.filter(entry => standings.get(entry) === 'unknown')
      const isUnjudged = unknown.length > 0 && (onStoreFailure === 'refuse' || !refill.isFailing())
      if (isUnjudged) return refused('unavailable', [])

      const floored = takeFromFloor(unknown)
      const refusing = floored.filter(({ allowed }) => !allowed)
      if (refusing.length > 0) return refused('rate-limited', refusing)
      const spent = wanted.filter(entry => standings.get(entry) === 'spendable')
      for (const { account, take } of spent) spend(account, take.policy, nowMs())
      return { refusal: undefined, standings: [...spent.map(standingAfter), ...floored], retryAfterMs: 0 }
    }
  }
}
