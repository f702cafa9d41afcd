/** The bucket of one subject under one quota, as the requests of an instance share it: plain data. */

import type { Charge } from '../limiter/charge.ts'
import { type Bucket, type BucketState, bucketState, createBucket } from '../limiter/lease.ts'
import type { PendingCall } from './pending-call.ts'

export interface SubjectBucket extends Bucket {
  readonly charge: Charge
  readonly key: string
  /** The last Redis call that asked for it, pending or done. */
  call: PendingCall | undefined
}

/** Creates the bucket of a new subject. */
export function createSubjectBucket(charge: Charge, key: string): SubjectBucket {
  return { ...createBucket(), charge, key, call: undefined }
}

/** The state of a bucket at `nowMs`. */
export function stateOf(bucket: SubjectBucket, nowMs: number): BucketState {
  return bucketState(bucket, bucket.charge.policy, nowMs)
}

/** Whether the life of its last lease is over. */
export function isLeaseOver({ askedAtMs, lastLifeMs }: SubjectBucket, nowMs: number): boolean {
  return Math.abs(nowMs - askedAtMs) >= lastLifeMs
}
