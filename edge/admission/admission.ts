/**
 * Whether a request may pass: its quotas and the revocation view, from memory where they are known, else by one round trip
 * to Redis for everything that is missing. One per process or isolate.
 *
 * Over 200 lines: every closure of it works on the same entries and the same notes of what is under way.
 */

import { createBoundedMap } from '../contract/bounded-map.ts'
import type { StoreFailurePolicy } from '../contract/policies.ts'
import type { QuotaStanding } from '../contract/rate-limit-fields.ts'
import { quotaKey } from '../contract/redis-keys.ts'
import { planAsk, recordGrant } from '../limiter/asking.ts'
import { createFloor, type Floor } from '../limiter/floor.ts'
import { type Account, createAccount, isRunningLow, remainingOf, spend, standingOf, waitMs } from '../limiter/lease.ts'
import { parseGrant, quotaCall } from '../limiter/quota-call.ts'
import type { RevocationView, SessionStanding, TokenSession } from '../revocation/revocation-view.ts'
import { REDIS_DEADLINE_MS, type Redis } from '../store/open-redis.ts'
import { runScripts, StoreError } from '../store/run-scripts.ts'
import { type Flight, isUnderWay, landing } from './flight.ts'
import { createStoreHealth } from './store-health.ts'
import { refused, type Take, type Taken } from './taken.ts'

/** Lets work go on after the request was answered: `waitUntil` of Workers. */
export type Background = (work: Promise<unknown>) => void

export interface Admission {
  /**
   * Brings what `take` and `standing` need into memory: by one round trip where something is missing, else at once, and
   * renews behind the request what is about to be used up. Never rejects because of Redis.
   */
  prepare(takes: readonly Take[], isRevocable: boolean, background: Background): Promise<void> | undefined
  /** Debits all takes, or none where one of them refuses. */
  take(takes: readonly Take[], onStoreFailure: StoreFailurePolicy): Taken
  /** The refusal of takes that are known to be refused; they are not debited. */
  refusalOf(takes: readonly Take[]): Taken | undefined
  /** How the session of a token stands, for a request that began at `begunAtMs`. */
  standing(session: TokenSession, begunAtMs: number): SessionStanding
}

export interface AdmissionOptions {
  readonly redis: Redis
  readonly view: RevocationView
  readonly nowMs: () => number
  /** Subjects whose leases are remembered; the leases of forgotten ones are stranded. */
  readonly maxSubjects: number
  /** What of a quota this instance still grants while Redis is away: 0.1 is a tenth, at least one request. */
  readonly floorShare: number
  /** How long Redis is left alone after it failed. */
  readonly backOffMs: number
  /** Told of each failure, and how many requests the floor has answered since the last one. */
  readonly onStoreFailure: (error: StoreError, answeredByFloor: number) => void
}

/** A subject under a quota, as this instance knows it. */
interface Entry {
  readonly take: Take
  readonly key: string
  readonly account: Account
  flight: Flight | undefined
}

/** A request that waits takes part in so many round trips at most; each of them serves somebody. */
const MAX_ROUNDS = 20
/** Leases are renewed when this share of them is left; or along with something else, when this is left. */
const [LOW, LOW_ALONG] = [0.25, 0.6]
/** Requests may read their clocks so much out of order. Spending stops as long before a lease expires. */
const MAX_DISORDER_MS = 50

/**
 * Creates the admission.
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
// Over 40 lines: the closures share the entries and the notes of what is under way.
export function createAdmission(options: AdmissionOptions): Admission {
  const { redis, view, nowMs } = options
  let entries = createBoundedMap<string, Entry>(options.maxSubjects)
  let latestMs = Number.NEGATIVE_INFINITY
  const floor = createFloor({ share: options.floorShare, maxSubjects: options.maxSubjects })
  const health = createStoreHealth(options.backOffMs)
  let viewFlight: Flight | undefined
  let answeredByFloor = 0

  const isBusy = (flight: Flight | undefined) => isUnderWay(flight, nowMs(), REDIS_DEADLINE_MS)
  const standingIn = ({ account, take }: Entry) => standingOf(account, take.policy, nowMs())

  /** The time, for a request that begins. */
  function beginMs(): number {
    const begunAtMs = nowMs()
    const isSetBack = begunAtMs < latestMs - MAX_DISORDER_MS
    // A clock that was set back would stretch the life of every lease: all of them are given up, which strands them.
    if (isSetBack) entries = createBoundedMap(options.maxSubjects)
    latestMs = isSetBack ? begunAtMs : Math.max(latestMs, begunAtMs)
    return begunAtMs
  }

  function entryOf(take: Take): Entry {
    const key = quotaKey(take.name, take.subject, take.policy.sliceMs)
    const known = entries.get(key)
    if (known !== undefined) return known
    const entry = { take, key, account: createAccount(), flight: undefined }
    entries.set(key, entry)
    return entry
  }

  /** One round trip for these subjects, and for the view. Never rejects because of Redis. */
  async function roundTrip(asking: readonly Entry[], readsView: boolean): Promise<void> {
    const askedAtMs = nowMs()
    const flight: Flight = { begunAtMs: askedAtMs, landed: false }
    for (const entry of asking) entry.flight = flight
    if (readsView) viewFlight = flight
    const asks = asking.map(({ account, take, key }) => {
      const ask = planAsk(account, take.policy, askedAtMs)
      return { account, policy: take.policy, ask, call: quotaCall(key, take.policy, ask) }
    })
    const read = readsView ? view.beginRead(askedAtMs) : undefined
    try {
      const calls = asks.map(({ call }) => call)
      const replies = await runScripts(redis, read ? [...calls, read.call] : calls)
      read?.record(replies[asks.length])
      for (const [i, { account, policy, ask }] of asks.entries()) {
        const { grant, redisNowMs } = parseGrant(replies[i], policy, ask)
        recordGrant(account, ask, grant, { askedAtMs, nowMs: nowMs(), redisNowMs })
      }
      health.succeeded()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      health.failed(nowMs())
      options.onStoreFailure(error, answeredByFloor)
      answeredByFloor = 0
    } finally {
      flight.landed = true
    }
  }

  /** Takes part in round trips, its own and those of others, until nothing is missing or Redis fails. */
  async function obtain(
    wanted: readonly Entry[],
    isRevocable: boolean,
    begunAtMs: number,
    background: Background
  ): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS && !health.isFailing(); round++) {
      const missing = wanted.filter(entry => standingIn(entry) === 'unknown')
      const isBlind = isRevocable && view.isTooOld(begunAtMs)
      if (missing.length === 0 && !isBlind) return

      const idle = missing.filter(({ flight }) => !isBusy(flight))
      const readsView = isRevocable && !isBusy(viewFlight) && (isBlind || view.isDue(nowMs()))
      if (idle.length > 0 || (isBlind && readsView)) {
        // Security: also kept alive without its request. Whoever asks and hangs up would else hold up, for longer than any
        // answer takes, everybody who waits for the same: for the view, that is everybody.
        const asking = roundTrip(idle, readsView)
        background(asking)
        await asking
      } else {
        for (const { account } of missing) account.waiting += 1
        await landing(missing[0]?.flight ?? (viewFlight as Flight), nowMs, REDIS_DEADLINE_MS)
      }
    }
  }

  /** Renews what is about to run out; in one round trip with what would be next. */
  function renewBehind(known: readonly Entry[], isRevocable: boolean, background: Background): void {
    const isLow = (share: number) => (entry: Entry) =>
      !isBusy(entry.flight) && isRunningLow(entry.account, nowMs(), share)
    const readsView = isRevocable && view.isDue(nowMs()) && !isBusy(viewFlight)
    if (!readsView && !known.some(isLow(LOW))) return
    if (health.isFailing() && !health.mayProbe(nowMs())) return
    background(roundTrip(known.filter(isLow(LOW_ALONG)), readsView))
  }

  function standingAfter({ take, account }: Entry): QuotaStanding {
    const remaining = remainingOf(account, nowMs())
    return { name: take.name, policy: take.policy, remaining, retryAfterMs: 0 }
  }

  function heldBy({ take, account }: Entry): QuotaStanding {
    return { name: take.name, policy: take.policy, remaining: 0, retryAfterMs: waitMs(account, nowMs()) }
  }

  /** Where Redis cannot be asked: stricter quotas in memory, of which all are debited, or none. */
  function takeFromFloor(unknown: readonly Entry[]): readonly (QuotaStanding & { readonly allowed: boolean })[] {
    answeredByFloor += unknown.length
    const judge = (by: Floor['take']) =>
      unknown.map(({ key, take: { name, policy } }) => {
        const { allowed, remaining, retryAfterMs } = by(key, policy, nowMs())
        return { name, policy, remaining, retryAfterMs, allowed }
      })
    const judged = judge(floor.look)
    return judged.every(({ allowed }) => allowed) ? judge(floor.take) : judged
  }

  return {
    standing: (session, begunAtMs) => view.standing(session, begunAtMs),

    prepare(takes, isRevocable, background) {
      const begunAtMs = beginMs()
      const wanted = takes.map(entryOf)
      const isBlind = isRevocable && view.isTooOld(begunAtMs)
      const missing = wanted.filter(entry => standingIn(entry) === 'unknown')
      if (missing.length === 0 && !isBlind) renewBehind(wanted, isRevocable, background)
      else if (!health.isFailing()) return obtain(wanted, isRevocable, begunAtMs, background)
      else if (health.mayProbe(begunAtMs)) {
        const probing = roundTrip(missing, isRevocable)
        background(probing)
        // Whose session nobody can vouch for is refused otherwise, though Redis may be back for long: nothing to lose.
        if (isBlind) return probing
      }
      return undefined
    },

    refusalOf(takes) {
      const held = takes.map(entryOf).filter(entry => standingIn(entry) === 'held')
      return held.length === 0 ? undefined : refused('rate-limited', held.map(heldBy))
    },

    take(takes, onStoreFailure) {
      const wanted = takes.map(entryOf)
      const standings = new Map(wanted.map(entry => [entry, standingIn(entry)]))
      const held = wanted.filter(entry => standings.get(entry) === 'held')
      if (held.length > 0) return refused('rate-limited', held.map(heldBy))

      const unknown = wanted.filter(entry => standings.get(entry) === 'unknown')
      const isUnjudged = unknown.length > 0 && (onStoreFailure === 'refuse' || !health.isFailing())
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
