/**
 * Isolates with leases around one Redis, in one process and on a driven clock: requests, deaths, lost and late answers. It
 * does with `lease.ts` and `decide()` what the admission does with them and a real Redis.
 */

import type { QuotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { planAsk, recordGrant } from '../../../edge/limiter/asking.ts'
import { type Bucket, bucketState, createBucket, isRunningLow, spend } from '../../../edge/limiter/lease.ts'
import { decide, type Slice } from '../../../edge/limiter/sliced-window.ts'
import { between, type Random } from '../../../local/random.ts'

/** What may go wrong, and how slow the network is. */
export interface WorldOptions {
  readonly random: Random
  readonly policy: QuotaPolicy
  /** Each isolate's clock, less that of Redis. */
  readonly clockOffsetsMs: readonly number[]
  /** The longest time between asking and recording. */
  readonly maxDelayMs: number
  /** Of the answers: made in Redis, and never recorded. */
  readonly lostShare: number
}

export interface World {
  /** The clock of Redis. */
  nowMs(): number
  /** Lets time pass, and everything happen that is due. */
  advanceTo(atMs: number): void
  /** One request at an isolate: passes, waits for an answer, or is refused. */
  request(isolate: number): void
  /** Its memory is gone, and with it whoever waits there. */
  kill(isolate: number): void
  /** When each request passed, by the clock of Redis, oldest first. */
  readonly admitted: readonly number[]
  /** Asks that Redis was put to. */
  asks(): number
  refused(): number
  /** Leased by isolates that live, and not spent. */
  unspent(isolate: number): number
  /** What Redis counts at the moment. */
  debited(): number
  /** The most requests that waited for one answer. */
  mostWaiting(): number
}

interface Isolate {
  account: Bucket
  isAsking: boolean
  waiting: number
  /** What an ask on its way may bring. */
  promised: number
}

const T0 = 1_800_000_000_000
/** Leases are renewed when this share of them is left, as the admission does. */
const LOW = 0.25

/** Creates a world at rest. Over 40 lines: the closures share its clock, its events and its Redis. */
export function createWorld({ random, policy, clockOffsetsMs, maxDelayMs, lostShare }: WorldOptions): World {
  let [nowMs, asks, refused, mostWaiting] = [T0, 0, 0, 0]
  let slices: readonly Slice[] = []
  const admitted: number[] = []
  const events: { readonly atMs: number; readonly happen: () => void }[] = []
  const birth = (): Isolate => ({ account: createBucket(), isAsking: false, waiting: 0, promised: 0 })
  const isolates = clockOffsetsMs.map(birth)

  function at(atMs: number, happen: () => void): void {
    const next = events.findIndex(event => event.atMs > atMs)
    events.splice(next === -1 ? events.length : next, 0, { atMs, happen })
  }

  function ask(isolate: Isolate, offsetMs: number): void {
    const askedAtMs = nowMs + offsetMs
    const question = planAsk(isolate.account, policy, askedAtMs)
    mostWaiting = Math.max(mostWaiting, question.waiting)
    isolate.isAsking = true
    isolate.promised = question.want
    const [delayMs, way] = [between(random, 0, maxDelayMs), random()]
    const isLost = random() < lostShare
    at(nowMs + Math.floor(delayMs * way), () => {
      asks += 1
      const decided = decide(policy, slices, question, nowMs)
      slices = decided.slices
      const redisNowMs = nowMs
      at(nowMs + delayMs - Math.floor(delayMs * way), () => {
        isolate.isAsking = false
        isolate.promised = 0
        const times = { askedAtMs, nowMs: nowMs + offsetMs, redisNowMs }
        if (!isLost) recordGrant(isolate.account, question, decided.grant, times)
        const waited = isolate.waiting
        isolate.waiting = 0
        for (let i = 0; i < waited; i++) arrive(isolate, offsetMs, isLost)
      })
    })
  }

  function arrive(isolate: Isolate, offsetMs: number, isGivenUp = false): void {
    const { account } = isolate
    const standing = bucketState(account, policy, nowMs + offsetMs)
    if (standing === 'spendable') {
      spend(account, policy, nowMs + offsetMs)
      admitted.push(nowMs)
      if (!isolate.isAsking && isRunningLow(account, nowMs + offsetMs, LOW)) ask(isolate, offsetMs)
    } else if (standing === 'held' || isGivenUp) {
      refused += 1
    } else {
      isolate.waiting += 1
      if (isolate.isAsking) account.waiting += 1
      else ask(isolate, offsetMs)
    }
  }

  const find = (index: number) => isolates[index] ?? birth()
  return {
    nowMs: () => nowMs,
    advanceTo(atMs) {
      while ((events[0]?.atMs ?? Infinity) <= atMs) {
        const event = events.shift()
        nowMs = Math.max(nowMs, event?.atMs ?? nowMs)
        event?.happen()
      }
      nowMs = atMs
    },
    request: index => arrive(find(index), clockOffsetsMs[index] ?? 0),
    kill(index) {
      // Whatever is on its way to the dead is recorded with the dead.
      find(index).waiting = 0
      isolates[index] = birth()
    },
    admitted,
    asks: () => asks,
    refused: () => refused,
    unspent(index) {
      const { account, promised } = find(index)
      const parts = account.leases.flatMap(lease => lease.parts)
      return promised + parts.reduce((sum, { left }) => sum + left, 0)
    },
    debited: () =>
      decide(policy, slices, { waiting: 0, want: 0, lifeMs: 0, settlements: [] }, nowMs).slices.reduce(
        (sum, { count }) => sum + count,
        0
      ),
    mostWaiting: () => mostWaiting
  }
}
