/** The rule of refresh tokens, without a store or a clock. A statement in `db/queries/sessions.ts` is its SQL twin. */

/** The part of a session that the rule reads. */
export interface RefreshState {
  /** The counter inside the current refresh token. */
  readonly refreshCounter: number
  /**
   * When the current token was made, or last handed to a client that had only its predecessor. Null before the first
   * rotation.
   */
  readonly rotatedAt: Date | null
  /** The client has the current token: it presented that token, or an access token that came with it. */
  readonly refreshConfirmed: boolean
  /** Tokens that were handed out again after the grace, and when. No earlier answer with them can have arrived. */
  readonly lateHandouts: readonly (readonly [counter: number, atMs: number])[]
  readonly endedAt: Date | null
  readonly idleExpiresAt: Date
  readonly expiresAt: Date
}

/**
 * `kept`: the current token, still young; the client gets it again. `rotated`: the current token; the client gets the
 * next one. `succeeded`: the predecessor; the client gets the current token. `reused`: an older token, so a copy of it
 * exists. `dead`: the session is over; no alarm.
 */
export type RefreshOutcome = 'kept' | 'rotated' | 'succeeded' | 'reused' | 'dead'

/** A session in its last second counts as over: no access token could be valid for a whole second. */
export const MIN_REMAINING_MS = 1000

/** The longest delay of an answer on its way to the client. A later answer counts as lost. */
export const MAX_ANSWER_DELAY_MS = 30_000

/**
 * `confirms`: the client has the current refresh token. `stolen`: the access token came in an answer that its client
 * never got, because it asked for the same one again later; a thief got it. `nothing`: an older token.
 */
type AccessTokenOutcome = 'confirms' | 'stolen' | 'nothing'

/**
 * Judges an access token that the origin has seen.
 *
 * @param counter of the refresh token that came with it
 * @param issuedMs when it was issued
 */
export function judgeAccessToken(state: RefreshState, counter: number, issuedMs: number): AccessTokenOutcome {
  if (state.endedAt !== null) return 'nothing'
  // After further rotations, too: the answer is still lost, and only a thief can have its access token.
  const isLost = state.lateHandouts.some(([late, atMs]) => late === counter && issuedMs < atMs - MAX_ANSWER_DELAY_MS)
  if (isLost) return 'stolen'
  return counter === state.refreshCounter ? 'confirms' : 'nothing'
}

/**
 * Judges a presented refresh token.
 *
 * @param graceSeconds how long a token counts as young after it was made
 */
export function judgeRefresh(
  state: RefreshState,
  counter: number,
  nowMs: number,
  graceSeconds: number
): RefreshOutcome {
  const isOver = state.endedAt !== null || +state.idleExpiresAt <= nowMs || +state.expiresAt <= nowMs + MIN_REMAINING_MS
  // A counter from the future comes from before a restore of the database: the token is unknown, not stolen.
  if (isOver || counter > state.refreshCounter) return 'dead'
  const isYoung = state.rotatedAt !== null && nowMs - +state.rotatedAt < graceSeconds * 1000
  if (counter === state.refreshCounter) return isYoung ? 'kept' : 'rotated'
  const isPredecessor = counter === state.refreshCounter - 1
  return isPredecessor && (isYoung || !state.refreshConfirmed) ? 'succeeded' : 'reused'
}
