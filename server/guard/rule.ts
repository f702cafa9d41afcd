/** The rule of the login guard, without a store, a clock or a captcha of its own. `script.ts` is its Lua twin. */

/** With the failure number `maxFailures` in any window of `windowMs` a block of `blockMs` begins. */
export interface BlockPolicy {
  readonly maxFailures: number
  readonly windowMs: number
  readonly blockMs: number
}

/** After `delayAfterFailures` failures in a row the next attempt waits `firstDelayMs`, and twice as long each time. */
export interface DelayPolicy {
  readonly delayAfterFailures: number
  readonly firstDelayMs: number
  /** No delay is longer, and without a failure for so long those before are forgotten. */
  readonly windowMs: number
}

export interface GuardPolicy {
  /** Per client address. */
  readonly address: BlockPolicy
  /** Per client address and account. */
  readonly pair: DelayPolicy
  /** Per account, from all addresses: its block holds for devices that have not signed in before. */
  readonly account: BlockPolicy
  /** Failures of the address or of the account, within their windows, after which a captcha is asked. */
  readonly captchaAfterFailures: number
}

/** What is remembered of an address or an account. */
export interface BlockState {
  /** Oldest first; only the newest `maxFailures` matter. */
  readonly failuresMs: readonly number[]
  /** The first millisecond after the block; in the past or 0 where there is none. */
  readonly untilMs: number
}

/** What is remembered of an address together with an account. */
export interface DelayState {
  /** In a row. */
  readonly failures: number
  readonly lastMs: number
}

export interface GuardState {
  readonly address: BlockState
  readonly pair: DelayState
  readonly account: BlockState
}

/** What an attempt looks like to the rule. */
export interface AttemptFacts {
  readonly knownDevice: boolean
  /** A captcha may be asked for, and this attempt has not solved one. */
  readonly captchaUnsolved: boolean
  /** `pending`: the password was not compared yet. */
  readonly outcome: 'pending' | Outcome
}

/**
 * How the comparison ended. `unconfirmed`: the password of a registration that waits for its link. It counts for the
 * account and the address, because an attacker may have begun the registration with a guess; but the same password again
 * is no further guess, so the delay of the two does not grow.
 */
export type Outcome = 'wrong' | 'right' | 'unconfirmed'

/** What stands in the way of an attempt. */
export type Obstacle = 'address' | 'pair' | 'account'

export interface GuardDecision {
  /** The wait until the same attempt would be let through; 0 when it is now. */
  readonly retryAfterMs: number
  /** What asks for this wait; undefined when it is 0. */
  readonly obstacle: Obstacle | undefined
  readonly captchaDue: boolean
  /** The block of the account has begun with this very failure. */
  readonly accountAttacked: boolean
}

/** Nothing is remembered of an address or an account. */
export const NO_FAILURES: BlockState = { failuresMs: [], untilMs: 0 }

/** Nothing is remembered of an address together with an account. */
export const NO_DELAY: DelayState = { failures: 0, lastMs: 0 }

/** Whether the client may learn how the attempt ended, which is the same as whether it would be admitted now. */
export function isAnswerable({ retryAfterMs, captchaDue }: GuardDecision): boolean {
  return retryAfterMs === 0 && !captchaDue
}

/**
 * Judges an attempt and records how it ended.
 *
 * An outcome is judged as if the attempt came now, and only then recorded: of any number of attempts that were
 * admitted together no more are answered than the limits allow. What is not answered counts nothing. It has told
 * nobody anything, and if it counted, whoever goes on sending could prolong a block for ever.
 */
export function decide(
  policy: GuardPolicy,
  state: GuardState,
  attempt: AttemptFacts,
  nowMs: number
): { readonly verdict: GuardDecision; readonly state: GuardState } {
  const verdict = judge(policy, state, attempt, nowMs)
  if (attempt.outcome === 'pending' || !isAnswerable(verdict)) return { verdict, state }
  if (attempt.outcome === 'right') return { verdict, state: { ...state, pair: NO_DELAY } }

  const failed = recordFailure(policy, state, attempt.outcome, nowMs)
  const accountAttacked = state.account.untilMs <= nowMs && failed.account.untilMs > nowMs
  return { verdict: { ...verdict, accountAttacked }, state: failed }
}

/** Counts a failure that was answered, without judging it. */
export function recordFailure(
  policy: GuardPolicy,
  state: GuardState,
  outcome: Exclude<Outcome, 'right'>,
  nowMs: number
): GuardState {
  // A device that is known may fail while the account is protected: its protection then neither grows nor begins anew.
  const isProtected = state.account.untilMs > nowMs
  const account = isProtected ? state.account : count(policy.account, state.account, nowMs)
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

/** A block that is shorter than the window lasts until the window has room again, so that no window ever holds more. */
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
