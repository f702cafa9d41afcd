/** The session of an access token that may have expired: whoever logs out need not have refreshed first. */

import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { ProblemError } from '../../lib/problem-error.ts'
import { failure } from '../../lib/result.ts'

/**
 * Verifies a token as of its own last second, so that everything but its age has to be right.
 *
 * @returns the session id, or `undefined` for a token that was never ours
 */
export async function accessSessionId(
  verifier: TokenVerifier,
  token: string,
  nowMs: number
): Promise<string | undefined> {
  const verdict = await verifier.verify(token, nowMs)
  if (verdict.ok) return verdict.claims.sid
  // Security: "nobody can say" is not "nobody's": a logout that ended nothing must not pass for done.
  if (verdict.code === 'keys-unavailable') throw new ProblemError(failure('unavailable', verdict.reason))
  if (verdict.code !== 'token-expired') return undefined
  // Only expiry was wrong, so the payload is ours and parses.
  const [, payload = ''] = token.split('.')
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number }
  const then = await verifier.verify(token, exp * 1000 - 1)
  return then.ok ? then.claims.sid : undefined
}
