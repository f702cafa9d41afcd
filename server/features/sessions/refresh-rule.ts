/** The rule of refresh tokens, without a store or a clock. The statement in `db/queries/sessions.ts` is its SQL twin. */

/** A session as far as the rule needs it. */
export interface RefreshState {
  /** The counter inside the current refresh token. */
  readonly refreshCounter: number
  /**
   * When the current token was made, or was last handed to a client that had only its predecessor. Null before the
   * first rotation.
   */
  readonly rotatedAt: Date | null
  /** The current token was presented, or an access token that came with it was seen: its client has it. */
  readonly refreshConfirmed: boolean
  /** Tokens whose predecessor asked again after the grace, and when: no earlier answer with them can have arrived. */
  readonly lateHandouts: readonly (readonly [counter: number, atMs: number])[]
  readonly endedAt: Date | null
  readonly idleExpiresAt: Date
  readonly expiresAt: Date
}

/**
 * `kept`: the current token, still young: the same token again. `rotated`: the current token, which makes the next.
 * `succeeded`: the predecessor, which gets the current token. `reused`: older than that, so a copy exists.
 * `dead`: the session is over; no alarm.
 */
export type RefreshVerdict = 'kept' | 'rotated' | 'succeeded' | 'reused' | 'dead'

/** A session in its last second is over: an access token could not live for a whole one. */
export const MIN_REMAINING_MS = 1000

/** The longest trip of an answer to its client that the rule allows for. A later answer counts as lost. */
export const MAX_TRIP_MS = 30_000

/**
 * `confirms`: the client has the current refresh token. `stolen`: the access token came in an answer that the predecessor
 * has since asked for again, so its client never got it: another one did. `nothing`: an older token.
 */
export type SightVerdict = 'confirms' | 'stolen' | 'nothing'

/**
 * Judges the sight of an access token.
 *
 * @param counter of the refresh token that came with it
 * @param issuedMs when it was issued
 */
export function judgeSight(state: RefreshState, counter: number, issuedMs: number): SightVerdict {
  if (state.endedAt !== null) return 'nothing'
  // Also after further rotations: the answer stays lost, and its access token stays a thief's.
  const isLost = state.lateHandouts.some(([late, atMs]) => late === counter && issuedMs < atMs - MAX_TRIP_MS)
  if (isLost) return 'stolen'
  return counter === state.refreshCounter ? 'confirms' : 'nothing'
}

/** @param graceSeconds how long the current token is young after it was made */
export function judgeRefresh(
  state: RefreshState,
  counter: number,
  nowMs: number,
  graceSeconds: number
): RefreshVerdict {
  const isOver = state.endedAt !== null || +state.idleExpiresAt <= nowMs || +state.expiresAt <= nowMs + MIN_REMAINING_MS
  // A counter from the future is a token of a database that was since restored: unknown, not stolen.
  if (isOver || counter > state.refreshCounter) return 'dead'
  const isYoung = state.rotatedAt !== null && nowMs - +state.rotatedAt < graceSeconds * 1000
  if (counter === state.refreshCounter) return isYoung ? 'kept' : 'rotated'
  const isPredecessor = counter === state.refreshCounter - 1
  return isPredecessor && (isYoung || !state.refreshConfirmed) ? 'succeeded' : 'reused'
}
