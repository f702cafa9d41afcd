/** Finds the session of an access token that may have expired, so that a client can log out without a refresh. */

import type { TokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { failure } from '../../lib/result.ts'
import type { AccessProof } from './options.ts'

/** Verifies an access token, an expired one as of its last millisecond: everything but its age must be right. */
export async function accessSession(verifier: TokenVerifier, token: string, nowMs: number): Promise<AccessProof> {
  const verified = await verifier.verify(token, nowMs)
  if (verified.ok) return { kind: 'session', sessionId: verified.claims.sid }
  // Security: a token that could not be verified may be valid. A logout that ended nothing must not report success.
  if (verified.code === 'keys-unavailable') return { kind: 'unknown', failure: failure('unavailable', verified.reason) }
  if (verified.code !== 'token-expired') return { kind: 'invalid' }
  // Only the expiry was wrong, so the payload is signed by this service and parses.
  const [, payload = ''] = token.split('.')
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number }
  const unexpired = await verifier.verify(token, exp * 1000 - 1)
  return unexpired.ok ? { kind: 'session', sessionId: unexpired.claims.sid } : { kind: 'invalid' }
}
