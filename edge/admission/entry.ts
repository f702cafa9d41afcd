/** A subject under a quota, as this instance knows it: plain data, which requests may share. */

import { quotaKey } from '../contract/redis-keys.ts'
import { type Account, type AccountStanding, createAccount, isRunningLow, standingOf } from '../limiter/lease.ts'
import type { Flight } from './flight.ts'
import type { Take } from './taken.ts'

export interface Entry {
  readonly take: Take
  readonly key: string
  readonly account: Account
  /** The round trip that asks for it, or the last one that did. */
  flight: Flight | undefined
}

/** The key of a take's entry, here and in Redis. */
export function entryKey({ name, subject, policy }: Take): string {
  return quotaKey(name, subject, policy.sliceMs)
}

/** Of a subject that nothing is known of. */
export function createEntry(take: Take, key: string): Entry {
  return { take, key, account: createAccount(), flight: undefined }
}

/** How its subject stands at `nowMs`. */
export function standingIn({ account, take }: Entry, nowMs: number): AccountStanding {
  return standingOf(account, take.policy, nowMs)
}

/** Whether less than `share` of its last lease is left. */
export function isLow({ account }: Entry, nowMs: number, share: number): boolean {
  return isRunningLow(account, nowMs, share)
}

/** Whether the life of its last lease is over. */
export function isOver({ account }: Entry, nowMs: number): boolean {
  return Math.abs(nowMs - account.askedAtMs) >= account.lastLifeMs
}
