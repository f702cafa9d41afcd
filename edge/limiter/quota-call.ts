/** An ask as a call of the Lua script, and its reply as a grant. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { type ScriptCall, StoreError } from '../store/run-scripts.ts'
import { slicedWindowScript } from './script.ts'
import type { Ask, Grant, LaterPart } from './sliced-window.ts'

/** A grant, and the clock of Redis (ms) when it was made. */
export interface DatedGrant {
  readonly grant: Grant
  readonly redisNowMs: number
}

/**
 * The call that asks the bucket under `key`.
 *
 * @param nowMs only to replay traces: otherwise the clock of Redis counts, which is the same for all instances
 */
export function quotaCall(key: string, policy: QuotaPolicy, ask: Ask, nowMs?: number): ScriptCall {
  const settlements = ask.settlements.flatMap(({ from, to, count }) => [from, to ?? '', count])
  const { quota, windowMs, sliceMs } = policy
  const args = [quota, windowMs, sliceMs, ask.waiting, ask.want, ask.lifeMs, nowMs ?? '', ...settlements]
  return { script: slicedWindowScript, keys: [key], args }
}

/**
 * Reads the reply to a quota call.
 *
 * Nothing is converted: `Number(true)` is 1 and `Number(null)` is 0, and nonsense must not read as a grant.
 *
 * @throws {StoreError} where it is not a grant that the ask can have got
 */
export function parseGrant(reply: unknown, policy: QuotaPolicy, ask: Ask): DatedGrant {
  const numbers = Array.isArray(reply) ? (reply as unknown[]) : []
  if (numbers.length >= 5 && numbers.length % 2 === 1 && numbers.every(isWhole)) {
    const [granted = 0, remaining = 0, retryAfterMs = 0, index = 0, redisNowMs = 0, ...pairs] = numbers as number[]
    const later = pairUp(pairs)
    const grant = { granted, later, remaining, retryAfterMs, index }
    const isItsDebit = index === Math.floor((redisNowMs + ask.lifeMs) / policy.sliceMs)
    if (isItsDebit && isPossible(grant, policy, ask)) return { grant, redisNowMs }
  }
  throw new StoreError('Redis returned an invalid grant')
}

function isPossible({ granted, later, remaining, retryAfterMs }: Grant, { quota }: QuotaPolicy, ask: Ask): boolean {
  const total = later.reduce((sum, { count }) => sum + count, granted)
  return (
    total <= Math.min(ask.want, quota) &&
    granted + remaining <= quota &&
    (remaining === 0) === retryAfterMs > 0 &&
    // A grant that leaves waiting requests without room, though there is room, would make them ask again and again.
    (remaining === 0 || granted >= ask.waiting) &&
    later.every(({ afterMs, count }) => afterMs > 0 && afterMs <= ask.lifeMs && count > 0)
  )
}

function pairUp(numbers: readonly number[]): LaterPart[] {
  const parts: LaterPart[] = []
  for (let i = 0; i < numbers.length; i += 2) parts.push({ afterMs: numbers[i] ?? 0, count: numbers[i + 1] ?? 0 })
  return parts
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
