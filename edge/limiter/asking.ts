/** When one instance asks Redis for more of a subject's quota: how much, for how long, and what it does with the answer. */

import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { type Bucket, isLive, leftOf, MARGIN_MS, MAX_LIFE_MS } from './lease.ts'
import type { Ask, Grant, Settlement } from './sliced-window.ts'

/** No lease for what is only expected is larger than this share of the quota: it is what a dying instance strands. */
export const LEASE_SHARE = 0.1
/** A lease lives longer than it should last, so that a client may slow down a little. */
const LIFE_PER_HORIZON = 2
/** How long a lease should last while half of the quota is free, and else: a share of the window, and at most. */
const FREE = { share: 1 / 6, maxMs: MAX_LIFE_MS / LIFE_PER_HORIZON }
const TIGHT = { share: 1 / 20, maxMs: 3_000 }
/**
 * The shortest life of a lease. Redis may take 250 ms to answer, and a request must fall before the lease expires; it
 * may wait 100 ms for its turn.
 */
export const MIN_LIFE_MS = 400
/**
 * What is leased to a subject of which nothing is known: a page asks for a few things, and only the first of them should
 * wait. Of a small quota nothing more than asked for: its client may go to many instances, and would find it leased here.
 */
const FIRST_LEASE = { share: 0.01, most: 4 }
/** The first pause after a refusal. */
const FIRST_HOLD_MS = 500

/**
 * What to ask Redis for. The settlements leave with it and are never sent twice: where the call fails, the debits stay
 * where they are, which can only refuse too much.
 */
export function planAsk(account: Bucket, policy: QuotaPolicy, nowMs: number): Ask {
  const settlements = drainSettlements(account, nowMs)
  const waiting = Math.max(1, account.waiting)
  const perMs = (account.spentSinceAsk + account.waiting) / Math.max(1, nowMs - account.askedAtMs)
  // A pace that is older than any lease says nothing, and neither does what was left to others then.
  const isStranger = nowMs - account.askedAtMs > MAX_LIFE_MS
  const { share, maxMs } = !isStranger && account.remaining * 2 > policy.quota ? FREE : TIGHT
  const horizonMs = Math.min(maxMs, policy.windowMs * share)
  const paced = Math.ceil(Math.min(policy.quota * LEASE_SHARE, perMs * horizonMs)) - leftOf(account, nowMs)
  const guessed = isStranger ? Math.min(FIRST_LEASE.most, Math.floor(policy.quota * FIRST_LEASE.share)) : 0
  const want = Math.max(waiting, paced, guessed)
  const lastsMs = isStranger ? horizonMs : Math.min(horizonMs, want / perMs)
  // A lease for those that wait and no others is short.
  const lifeMs = want > waiting ? LIFE_PER_HORIZON * lastsMs : MIN_LIFE_MS
  account.askedAtMs = nowMs
  account.spentSinceAsk = 0
  account.waiting = 0
  return { waiting, want, lifeMs: Math.ceil(Math.max(MIN_LIFE_MS, lifeMs)), settlements }
}

/**
 * Takes in what Redis answered.
 *
 * @param times `askedAtMs` our clock before the question was sent: the life of the lease is counted from there;
 *   `redisNowMs` the clock of Redis when it answered
 */
export function recordGrant(
  account: Bucket,
  ask: Ask,
  grant: Grant,
  times: { readonly askedAtMs: number; readonly nowMs: number; readonly redisNowMs: number }
): void {
  const { askedAtMs, nowMs, redisNowMs } = times
  const parts = [{ afterMs: 0, count: grant.granted }, ...grant.later]
    .filter(({ count }) => count > 0)
    .map(({ afterMs, count }) => ({ fromMs: (afterMs === 0 ? askedAtMs : nowMs) + afterMs, left: count }))
  if (parts.length > 0) {
    account.leases.push({
      index: grant.index,
      expiresAtMs: askedAtMs + ask.lifeMs - MARGIN_MS,
      aheadMs: redisNowMs - askedAtMs,
      parts,
      spent: new Map()
    })
  }
  account.remaining = grant.remaining
  account.lastGranted = parts.reduce((sum, { left }) => sum + left, 0)
  account.lastLifeMs = ask.lifeMs
  account.roomAtMs = nowMs + grant.retryAfterMs
  account.refusalsInARow = parts.length === 0 ? account.refusalsInARow + 1 : 0
  account.heldUntilMs = heldUntilMs(account, nowMs)
}

/**
 * At the limit Redis is asked once a while and not for each request: soon after the first refusal, because others may
 * give back what they do not spend, then ever later, and when there will be room.
 */
function heldUntilMs({ remaining, roomAtMs, refusalsInARow }: Bucket, nowMs: number): number {
  if (remaining > 0) return Number.NEGATIVE_INFINITY
  return Math.min(roomAtMs, nowMs + FIRST_HOLD_MS * 2 ** Math.max(0, refusalsInARow - 1))
}

/** What has become of earlier leases: those that are over leave the account. */
function drainSettlements(account: Bucket, nowMs: number): Settlement[] {
  const settlements: Settlement[] = []
  for (const lease of account.leases) {
    for (const [to, count] of lease.spent) if (to !== lease.index) settlements.push({ from: lease.index, to, count })
    lease.spent.clear()
    const left = lease.parts.reduce((sum, part) => sum + part.left, 0)
    if (left > 0 && !isLive(lease, nowMs)) settlements.push({ from: lease.index, to: undefined, count: left })
  }
  account.leases = account.leases.filter(lease => isLive(lease, nowMs) && lease.parts.some(part => part.left > 0))
  return settlements
}
