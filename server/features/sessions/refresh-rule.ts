/** What a refresh token that is not the valid one means, without a store or a clock. */

/** A session as far as the rule needs it. */
export interface RefreshState {
  readonly refreshCounter: number
  readonly rotatedAt: Date | null
  readonly endedAt: Date | null
  readonly idleExpiresAt: Date
  readonly expiresAt: Date
}

/**
 * `current`: the token is the valid one. `grace`: its use was a moment ago and its successor is still unused,
 * so the same successor is due again. `reused`: it was used before that, so somebody has a copy. `dead`: its
 * session is over, which is nobody's theft.
 */
export type RefreshVerdict = 'current' | 'grace' | 'reused' | 'dead'

/** @param graceSeconds how long after its use a token still gets the same successor */
export function judgeRefresh(
  state: RefreshState,
  counter: number,
  nowMs: number,
  graceSeconds: number
): RefreshVerdict {
  const over = state.endedAt !== null || Math.min(+state.idleExpiresAt, +state.expiresAt) <= nowMs
  // A counter from the future is a token of a database that was since restored: unknown, not stolen.
  if (over || counter > state.refreshCounter) return 'dead'
  if (counter === state.refreshCounter) return 'current'
  const usedMsAgo = nowMs - +(state.rotatedAt ?? 0)
  return counter === state.refreshCounter - 1 && usedMsAgo <= graceSeconds * 1000 ? 'grace' : 'reused'
}
