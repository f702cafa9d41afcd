/** Logout with an access token that could not be verified: the proven sessions end, and the answer reports no success. */

import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { TokenVerifier } from '../../../../edge/verifier/verify-token.ts'
import { accessSession } from '../../../../server/features/sessions/access-session.ts'
import { createLogout } from '../../../../server/features/sessions/logout.ts'
import type { SessionsOptions } from '../../../../server/features/sessions/options.ts'
import { deriveKeys } from '../../../../server/lib/crypto/derived-keys.ts'
import { createRefreshTokens } from '../../../../server/lib/crypto/refresh-token.ts'

const refreshTokens = createRefreshTokens(deriveKeys(['a root secret for tests that is long enough']))
const client = { address: '192.0.2.1', userAgent: '', requestId: randomUUID() }

t.test(
  'a logout with an access token that could not be verified ends the other sessions and answers unavailable',
  async t => {
    const verifier: TokenVerifier = {
      verify: async () => ({ ok: false, code: 'keys-unavailable', reason: 'no keys yet' })
    }
    const access = await accessSession(verifier, 'a.b.c', Date.now())
    t.equal(access.kind, 'unknown')

    const sessionId = randomUUID()
    const published: string[] = []
    const options = {
      refreshTokens,
      nowMs: Date.now,
      database: { transaction: async () => true },
      publishEnds: async (sids: readonly string[]) => {
        published.push(...sids)
        return true
      }
    } as unknown as SessionsOptions
    const cookie = refreshTokens.mint({ sessionId, counter: 0 })
    t.match(await createLogout(options)({ body: undefined, cookie }, access, client), {
      ok: false,
      problem: 'unavailable'
    })
    t.strictSame(published, [sessionId])
  }
)
