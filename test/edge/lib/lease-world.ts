/**
 * Isolates with leases around one Redis, in one process and on a driven clock: requests, deaths, lost and late answers.
 * It uses `lease.ts` and `decide()` as the admission uses them with a real Redis.
 */

import type { QuotaPolicy } from '../../../edge/contract/quota-policy.ts'
import { planAsk, recordGrant } from '../../../edge/limiter/asking.ts'
import { type Bucket, bucketState, createBucket, isRunningLow, spend } from '../../../edge/limiter/lease.ts'
import { decide, type Slice } from '../../../edge/limiter/sliced-window.ts'
import { between, type Random } from './random.ts'

/** The faults of a world, and its network. */
export interface WorldOptions {
  readonly random: Random
  readonly policy: QuotaPolicy
  /** Each isolate's clock, less that of Redis. */
  readonly clockOffsetsMs: readonly number[]
  /** The longest time between an ask and the record of its answer. */
  readonly maxDelayMs: number
  /** The share of answers that Redis gives and the isolate never records. */
  readonly lostShare: number
}

export interface World {
  /** The clock of Redis. */
  nowMs(): number
  /** Lets time pass, with every event that is due. */
  advanceTo(atMs: number): void
  /** One request at an isolate: passes, waits for an answer, or is refused. */
  request(isolate: number): void
  /** Ends an isolate, with its memory and the requests that wait there. */
  kill(isolate: number): void
  /** The times at which requests passed, by the clock of Redis, oldest first. */
  readonly admitted: readonly number[]
  /** The number of asks that Redis has answered. */
  asks(): number
  refused(): number
  /** Requests that an isolate has leased and not spent. */
  unspent(isolate: number): number
  /** The requests that Redis counts at the moment. */
  debited(): number
  /** The most requests that waited for one answer. */
  mostWaiting(): number
}

interface Isolate {
  bucket: Bucket
  isAsking: boolean
  waiting: number
  /** The requests that a pending ask may bring. */
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
  const birth = (): Isolate => ({ bucket: createBucket(), isAsking: false, waiting: 0, promised: 0 })
  const isolates = clockOffsetsMs.map(birth)

  function at(atMs: number, happen: () => void): void {
    const next = events.findIndex(event => event.atMs > atMs)
    events.splice(next === -1 ? events.length : next, 0, { atMs, happen })
  }

  function ask(isolate: Isolate, offsetMs: number): void {
    const askedAtMs = nowMs + offsetMs
    const question = planAsk(isolate.bucket, policy, askedAtMs)
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
        if (!isLost) recordGrant(isolate.bucket, question, decided.grant, times)
        const waited = isolate.waiting
        isolate.waiting = 0
        for (let i = 0; i < waited; i++) arrive(isolate, offsetMs, isLost)
      })
    })
  }

  function arrive(isolate: Isolate, offsetMs: number, isGivenUp = false): void {
    const { bucket } = isolate
    const state = bucketState(bucket, policy, nowMs + offsetMs)
    if (state === 'spendable') {
      spend(bucket, policy, nowMs + offsetMs)
      admitted.push(nowMs)
      if (!isolate.isAsking && isRunningLow(bucket, nowMs + offsetMs, LOW)) ask(isolate, offsetMs)
    } else if (state === 'held' || isGivenUp) {
      refused += 1
    } else {
      isolate.waiting += 1
      if (isolate.isAsking) bucket.waiting += 1
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
      // A pending answer is recorded in the old isolate.
      find(index).waiting = 0
      isolates[index] = birth()
    },
    admitted,
    asks: () => asks,
    refused: () => refused,
    unspent(index) {
      const { bucket, promised } = find(index)
      const parts = bucket.leases.flatMap(lease => lease.parts)
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
