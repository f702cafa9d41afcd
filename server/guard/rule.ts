/** The rule of the login guard, without a store, a clock or a captcha of its own. `script.ts` is its Lua twin. */

/** The failure number `maxFailures` within a window of `windowMs` begins a block of `blockMs`. */
export interface BlockPolicy {
  readonly maxFailures: number
  readonly windowMs: number
  readonly blockMs: number
}

/** After `delayAfterFailures` failures in a row the next attempt waits `firstDelayMs`. Each further failure doubles it. */
export interface DelayPolicy {
  readonly delayAfterFailures: number
  readonly firstDelayMs: number
  /** The longest delay. After this time without a failure, earlier failures are forgotten. */
  readonly windowMs: number
}

/** The limits of the login guard. */
export interface GuardPolicy {
  /** Per client address. */
  readonly address: BlockPolicy
  /** Per client address and account. */
  readonly pair: DelayPolicy
  /** Per account, from all addresses. Its block holds only for devices that have not signed in before. */
  readonly account: BlockPolicy
  /** A captcha is due after this many failures of the address or of the account, within their windows. */
  readonly captchaAfterFailures: number
}

/** The failures of an address or an account, and its block. */
export interface BlockState {
  /** Oldest first; at most the newest `maxFailures`. */
  readonly failuresMs: readonly number[]
  /** The first millisecond after the block. Without a block it is 0 or in the past. */
  readonly untilMs: number
}

/** The failures of an address on one account. */
export interface DelayState {
  /** In a row. */
  readonly failures: number
  readonly lastMs: number
}

/** The failures that one attempt is judged by. */
export interface GuardState {
  readonly address: BlockState
  readonly pair: DelayState
  readonly account: BlockState
}

/** The facts about an attempt on which the rule decides. */
export interface AttemptFacts {
  readonly knownDevice: boolean
  /** A captcha service is configured, and this attempt has not solved a captcha. */
  readonly captchaUnsolved: boolean
  /** `pending`: the password has not been compared yet. */
  readonly outcome: 'pending' | Outcome
}

/**
 * The outcome of the comparison. `unconfirmed`: the password matches a registration that waits for its link.
 *
 * An unconfirmed outcome counts for the account and the address, because an attacker may have begun the registration with a
 * guess. Repeating that password is not another guess, so the delay of the pair does not grow.
 */
export type Outcome = 'wrong' | 'right' | 'unconfirmed'

/** The subject with the block or delay that refuses an attempt. */
export type Obstacle = 'address' | 'pair' | 'account'

/** The decision on one attempt. */
export interface GuardDecision {
  /** The wait until the same attempt would be admitted; 0 if it is admitted now. */
  readonly retryAfterMs: number
  /** The reason for this wait; undefined if it is 0. */
  readonly obstacle: Obstacle | undefined
  readonly captchaDue: boolean
  /** This failure has begun the block of the account. */
  readonly accountAttacked: boolean
}

/** The state of an address or an account without failures. */
export const NO_FAILURES: BlockState = { failuresMs: [], untilMs: 0 }

/** The state of an address on an account without failures. */
export const NO_DELAY: DelayState = { failures: 0, lastMs: 0 }

/** Whether the client may learn the outcome of the attempt: only if the attempt would be admitted now. */
export function isAnswerable({ retryAfterMs, captchaDue }: GuardDecision): boolean {
  return retryAfterMs === 0 && !captchaDue
}

/**
 * Decides an attempt and records its outcome.
 *
 * An outcome is decided as if the attempt came now, and only then recorded. Of any number of attempts that were admitted
 * together, no more are answered than the limits allow.
 *
 * Security: an unanswered outcome is not counted. The client has learned nothing from it, and an attacker could
 * otherwise prolong a block without end.
 */
export function decide(
  policy: GuardPolicy,
  state: GuardState,
  attempt: AttemptFacts,
  nowMs: number
): { readonly decision: GuardDecision; readonly state: GuardState } {
  const decision = judge(policy, state, attempt, nowMs)
  if (attempt.outcome === 'pending' || !isAnswerable(decision)) return { decision, state }
  if (attempt.outcome === 'right') return { decision, state: { ...state, pair: NO_DELAY } }

  const failed = recordFailure(policy, state, attempt.outcome, nowMs)
  const accountAttacked = state.account.untilMs <= nowMs && failed.account.untilMs > nowMs
  return { decision: { ...decision, accountAttacked }, state: failed }
}

/** Records a failure that the client has learned, without deciding about it. */
export function recordFailure(
  policy: GuardPolicy,
  state: GuardState,
  outcome: Exclude<Outcome, 'right'>,
  nowMs: number
): GuardState {
  // A known device may fail while the account is blocked. The block then neither grows nor begins again.
  const isBlocked = state.account.untilMs > nowMs
  const account = isBlocked ? state.account : count(policy.account, state.account, nowMs)
  const address = count(policy.address, state.address, nowMs)
  return { address, account, pair: outcome === 'unconfirmed' ? state.pair : delay(policy.pair, state.pair, nowMs) }
}

function judge(policy: GuardPolicy, state: GuardState, attempt: AttemptFacts, nowMs: number): GuardDecision {
  const untilMs: readonly (readonly [Obstacle, number])[] = [
    ['address', state.address.untilMs],
    ['pair', delayedUntilMs(policy.pair, state.pair)],
    ['account', attempt.knownDevice ? 0 : state.account.untilMs]
  ]
  let retryAfterMs = 0
  let obstacle: Obstacle | undefined
  for (const [name, endMs] of untilMs) {
    if (endMs - nowMs <= retryAfterMs) continue
    retryAfterMs = endMs - nowMs
    obstacle = name
  }
  const failures = Math.max(
    recent(policy.address, state.address, nowMs).length,
    recent(policy.account, state.account, nowMs).length
  )
  const captchaDue = attempt.captchaUnsolved && failures >= policy.captchaAfterFailures
  return { retryAfterMs, obstacle, captchaDue, accountAttacked: false }
}

/** The failures that are still in the window. */
function recent({ windowMs }: BlockPolicy, { failuresMs }: BlockState, nowMs: number): readonly number[] {
  return failuresMs.filter(failureMs => failureMs + windowMs > nowMs)
}

/** A block shorter than the window lasts until the window has room again, so that no window ever holds more failures. */
function count(policy: BlockPolicy, counted: BlockState, nowMs: number): BlockState {
  const failuresMs = [...recent(policy, counted, nowMs), nowMs].slice(-policy.maxFailures)
  const [oldestMs = nowMs] = failuresMs
  const isFull = failuresMs.length >= policy.maxFailures
  return { failuresMs, untilMs: isFull ? Math.max(nowMs + policy.blockMs, oldestMs + policy.windowMs) : 0 }
}

function delay({ windowMs }: DelayPolicy, { failures, lastMs }: DelayState, nowMs: number): DelayState {
  return { failures: (lastMs + windowMs > nowMs ? failures : 0) + 1, lastMs: nowMs }
}

function delayedUntilMs(policy: DelayPolicy, { failures, lastMs }: DelayState): number {
  if (failures < policy.delayAfterFailures) return 0
  return lastMs + Math.min(policy.windowMs, policy.firstDelayMs * 2 ** (failures - policy.delayAfterFailures))
}
