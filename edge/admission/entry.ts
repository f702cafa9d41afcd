/** A subject under a quota, as this instance knows it: plain data, which requests may share. */

import { quotaKey } from '../contract/redis-keys.ts'
import { type Bucket, type BucketState, bucketState, createBucket, isRunningLow } from '../limiter/lease.ts'
import type { Charge } from './charge.ts'
import type { PendingCall } from './pending-call.ts'

export interface Entry {
  readonly take: Charge
  readonly key: string
  readonly account: Bucket
  /** The round trip that asks for it, or the last one that did. */
  flight: PendingCall | undefined
}

/** The key of a take's entry, here and in Redis. */
export function entryKey({ name, subject, policy }: Charge): string {
  return quotaKey(name, subject, policy.sliceMs)
}

/** Of a subject that nothing is known of. */
export function createEntry(take: Charge, key: string): Entry {
  return { take, key, account: createBucket(), flight: undefined }
}

/** How its subject stands at `nowMs`. */
export function standingIn({ account, take }: Entry, nowMs: number): BucketState {
  return bucketState(account, take.policy, nowMs)
}

/** Whether less than `share` of its last lease is left. */
export function isLow({ account }: Entry, nowMs: number, share: number): boolean {
  return isRunningLow(account, nowMs, share)
}

/** Whether the life of its last lease is over. */
export function isOver({ account }: Entry, nowMs: number): boolean {
  return Math.abs(nowMs - account.askedAtMs) >= account.lastLifeMs
}
