/**
 * Round trips to Redis, for what is missing and for what is about to be used up: who asks, and who goes along.
 *
 * Over 200 lines: every closure of it works on the same notes of what is under way.
 */

import { planAsk, recordGrant } from '../limiter/asking.ts'
import { parseGrant, quotaCall } from '../limiter/quota-call.ts'
import type { RevocationView } from '../revocation/revocation-view.ts'
import { createCircuitBreaker } from '../store/circuit-breaker.ts'
import { REDIS_DEADLINE_MS, type Redis } from '../store/open-redis.ts'
import { replyOf, runScripts, StoreError } from '../store/run-scripts.ts'
import { type Entry, isLow, isOver, standingIn } from './entry.ts'
import { beginCall, callEnd, isPending, type PendingCall } from './pending-call.ts'

/** Lets work go on after the request was answered: `waitUntil` of Workers. */
export type Background = (work: Promise<unknown>) => void

/** What a request needs. */
export interface Need {
  readonly entries: readonly Entry[]
  readonly isRevocable: boolean
  readonly begunAtMs: number
  readonly background: Background
}

export interface Refill {
  /** Redis failed when it was asked last: nobody waits for it. */
  isFailing(): boolean
  /** What of a need is not in memory: entries of which nothing is known, and the view where it is too old. */
  missingOf(need: Need): { readonly entries: readonly Entry[]; readonly isBlind: boolean }
  /** Takes part in round trips, its own and those of others, until nothing is missing or Redis fails. */
  obtain(need: Need): Promise<void>
  /** One request in each back-off finds out whether Redis is back. Undefined for all others. */
  probe(need: Need): Promise<void> | undefined
  /** Renews behind a request what is about to run out. */
  renewBehind(need: Need): void
  /** Forgets what was to be asked for: its leases are given up. */
  forget(): void
}

export interface RefillOptions {
  readonly redis: Redis
  readonly view: RevocationView
  readonly nowMs: () => number
  /** How long Redis is left alone after it failed. */
  readonly backOffMs: number
  readonly onStoreFailure: (error: StoreError) => void
}

/** A request that waits asks, or waits for what others asked, so many times at most, and for so long. */
const [MAX_ROUNDS, MAX_WAIT_MS] = [20, 3_000]
/** Leases are renewed when this share of them is left; or along with something else, when this is left. */
const [LOW, LOW_ALONG] = [0.25, 0.6]
/**
 * Round trips at a time for those that wait; whoever comes later waits for one to land, and goes with all others who do.
 * Renewals, the view of those who have none, and the probe of a Redis that failed are not held up by it.
 */
const MAX_TRIPS = 6
/** Between two looks of a request that waits for its turn: from, and at most. */
const LOOK_MS = { first: 2, last: 16 }
/** Subjects in one round trip: Redis takes a few milliseconds for so many. */
const MAX_TOGETHER = 64

/** Creates the refill of one instance. */
// Over 40 lines: the closures share the notes of what is under way, and of what is to go along.
export function createRefill({ redis, view, nowMs, backOffMs, onStoreFailure }: RefillOptions): Refill {
  const health = createCircuitBreaker(backOffMs)
  let trips: PendingCall[] = []
  let viewFlight: PendingCall | undefined
  let renewal: PendingCall | undefined
  /** Somebody waits for them. */
  const wanted = new Set<Entry>()
  /** They are running low. */
  const due = new Set<Entry>()

  const isBusy = (flight: PendingCall | undefined) => isPending(flight, nowMs(), REDIS_DEADLINE_MS)

  /** One round trip for these, and for the view. Never rejects because of Redis. */
  async function roundTrip(asked: ReadonlySet<Entry>, readsView: boolean, flight = beginCall(nowMs())): Promise<void> {
    trips = [...trips.filter(isBusy), flight]
    const asks = [...asked].map(entry => {
      entry.flight = flight
      const { account, take, key } = entry
      const ask = planAsk(account, take.policy, flight.begunAtMs)
      return { account, policy: take.policy, ask, call: quotaCall(key, take.policy, ask) }
    })
    if (readsView) viewFlight = flight
    const read = readsView ? view.beginRead(flight.begunAtMs) : undefined
    try {
      const calls = asks.map(({ call }) => call)
      const replies = await runScripts(redis, read ? [...calls, read.call] : calls)
      // What was granted to one is not lost because Redis answered nonsense to another.
      const failures = new Set<unknown>()
      const attempt = (record: () => void) => {
        try {
          record()
        } catch (error) {
          failures.add(error)
        }
      }
      attempt(() => read?.record(replyOf(replies[asks.length])))
      for (const [i, { account, policy, ask }] of asks.entries()) {
        attempt(() => {
          const { grant, redisNowMs } = parseGrant(replyOf(replies[i]), policy, ask)
          recordGrant(account, ask, grant, { askedAtMs: flight.begunAtMs, nowMs: nowMs(), redisNowMs })
        })
      }
      for (const failure of failures) throw failure
      health.succeeded()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // Whoever waits is answered without Redis now: what they waited for would be debited for nobody.
      wanted.clear()
      health.failed(nowMs())
      onStoreFailure(error)
    } finally {
      flight.isDone = true
    }
  }

  /** A round trip's own entries, then those that somebody waits for, then those that run low before their lease is over. */
  function together(own: readonly Entry[]): Set<Entry> {
    const chosen = new Set(own)
    const choose = (from: Set<Entry>, isStill: (entry: Entry) => boolean) => {
      for (const entry of from) {
        if (chosen.size >= MAX_TOGETHER) return
        from.delete(entry)
        if (isStill(entry) && !isBusy(entry.flight)) chosen.add(entry)
      }
    }
    choose(wanted, entry => standingIn(entry, nowMs()) === 'unknown')
    choose(due, entry => isLow(entry, nowMs(), LOW) && !isOver(entry, nowMs()))
    return chosen
  }

  function missingOf({ entries, isRevocable, begunAtMs }: Need) {
    return {
      entries: entries.filter(entry => standingIn(entry, nowMs()) === 'unknown'),
      isBlind: isRevocable && view.isTooOld(begunAtMs)
    }
  }

  /** Waits until there is room for a round trip, or one has gone with one of these. */
  async function turn(idle: readonly Entry[], isOver: () => boolean): Promise<void> {
    const isTurn = () =>
      trips.filter(isBusy).length < MAX_TRIPS ||
      idle.some(entry => isBusy(entry.flight) || standingIn(entry, nowMs()) !== 'unknown')
    for (let ms = LOOK_MS.first; !isTurn() && !isOver(); ms = Math.min(LOOK_MS.last, ms * 1.25))
      await new Promise(resolve => setTimeout(resolve, ms))
  }

  return {
    isFailing: health.isOpen,
    missingOf,

    async obtain(need) {
      const counted = new Map<Entry, PendingCall | undefined>()
      const isOver = () => health.isOpen() || Math.abs(nowMs() - need.begunAtMs) >= MAX_WAIT_MS
      for (let round = 0; round < MAX_ROUNDS && !isOver(); round++) {
        const { entries: missing, isBlind } = missingOf(need)
        if (missing.length === 0 && !isBlind) return

        const idle = missing.filter(({ flight }) => !isBusy(flight))
        const readsView = need.isRevocable && !isBusy(viewFlight) && (isBlind || view.isDue(nowMs()))
        const isFull = trips.filter(isBusy).length >= MAX_TRIPS
        if ((idle.length > 0 && !isFull) || (isBlind && readsView)) {
          // Security: also kept alive without its request. Whoever asks and hangs up would else hold up, for longer than any
          // answer takes, everybody who waits for the same: for the view, that is everybody.
          const asking = roundTrip(together(idle), readsView)
          need.background(asking)
          await asking
          continue
        }
        for (const entry of missing) {
          // Each ask begins to count anew.
          if (!counted.has(entry) || counted.get(entry) !== entry.flight) entry.account.waiting += 1
          counted.set(entry, entry.flight)
        }
        for (const entry of idle) wanted.add(entry)
        // Nobody waits for a round trip that others need: one of them may be dead.
        const own = missing.find(entry => !idle.includes(entry))?.flight ?? (idle.length === 0 ? viewFlight : undefined)
        if (own !== undefined) await callEnd(own, nowMs, REDIS_DEADLINE_MS)
        else await turn(idle, isOver)
      }
    },

    probe({ entries, isRevocable, background }) {
      if (!health.allowsCall(nowMs())) return undefined
      const probing = roundTrip(together(entries), isRevocable)
      background(probing)
      return probing
    },

    /**
     * One round trip at a time; what becomes due meanwhile goes with the next one. So however many subjects run low at once,
     * Redis is asked as often as it answers, and not as often as there are subjects.
     */
    renewBehind({ entries, isRevocable, background }) {
      const isLowBy = (share: number) => (entry: Entry) => !isBusy(entry.flight) && isLow(entry, nowMs(), share)
      for (const entry of entries) if (isLowBy(LOW)(entry)) due.add(entry)
      const readsView = isRevocable && view.isDue(nowMs()) && !isBusy(viewFlight)
      if (!readsView && (due.size === 0 || isBusy(renewal))) return
      const asked = together(entries.filter(isLowBy(LOW_ALONG)))
      // Whatever ran low may have been used up by now, or renewed.
      if (asked.size === 0 && !readsView) return
      if (!health.allowsCall(nowMs())) return
      renewal = beginCall(nowMs())
      background(roundTrip(asked, readsView, renewal))
    },

    forget() {
      wanted.clear()
      due.clear()
    }
  }
}
