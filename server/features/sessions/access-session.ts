/** The session of an access token that may have expired: a client need not refresh before it logs out. */

import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { failure } from '../../lib/result.ts'
import type { AccessProof } from './options.ts'

/** Verifies a token as of its own last second, so that everything but its age has to be right. */
export async function accessSession(verifier: TokenVerifier, token: string, nowMs: number): Promise<AccessProof> {
  const verdict = await verifier.verify(token, nowMs)
  if (verdict.ok) return { kind: 'session', sessionId: verdict.claims.sid }
  // Security: a token that cannot be checked is not worthless: a logout that ended nothing must not pass for done.
  if (verdict.code === 'keys-unavailable') return { kind: 'unknown', failure: failure('unavailable', verdict.reason) }
  if (verdict.code !== 'token-expired') return { kind: 'worthless' }
  // Only expiry was wrong, so the payload is ours and parses.
  const [, payload = ''] = token.split('.')
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number }
  const then = await verifier.verify(token, exp * 1000 - 1)
  return then.ok ? { kind: 'session', sessionId: then.claims.sid } : { kind: 'worthless' }
}
