/** An edge with a wrong clock: which decisions stay right, and that it errs to the safe side. */

import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createAdmission } from '../../edge/admission/admission.ts'
import { parsePolicies } from '../../edge/contract/parse-policies.ts'
import { gatehousePolicies } from '../../edge/contract/policies.ts'
import { createForward } from '../../edge/gateway/forward.ts'
import { createGateway } from '../../edge/gateway/gateway.ts'
import { createHopSigner } from '../../edge/gateway/sign-hop.ts'
import { createRevocationView } from '../../edge/revocation/revocation-view.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { createRemoteKeySet } from '../../edge/verifier/remote-key-set.ts'
import { createTokenVerifier } from '../../edge/verifier/verify-token.ts'
import { createWebCryptoSignaturePort } from '../../edge/verifier/webcrypto-signature.ts'
import { EDGE_SECRET, PUBLIC_URL } from '../edge/lib/edge-places.ts'
import { call, type SignedUp, signUp } from '../lib/person.ts'
import { openTestOrigin, type TestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const QUOTA = 20

/** A gateway of real parts with a clock that is `skewMs` ahead, in front of an origin that accepts only this gateway. */
// Over 40 lines: it binds all parts of an edge.
function openSkewedGateway({ url, redis }: TestOrigin, skewMs: number) {
  const nowMs = () => Date.now() + skewMs
  const policies = parsePolicies(
    gatehousePolicies('/api/v1', { address: `${QUOTA}/60`, auth: '1000/60', user: '1000/60' })
  )
  if (!policies.ok) throw new Error(policies.reason)
  const signature = createWebCryptoSignaturePort()
  const algorithms = ['ES256'] as const
  const gateway = createGateway({
    publicUrl: PUBLIC_URL,
    allowedOrigins: [],
    policies: policies.value,
    verifier: createTokenVerifier({
      issuer: PUBLIC_URL,
      audience: PUBLIC_URL,
      algorithms,
      keys: createRemoteKeySet({ url: `${url}/.well-known/jwks.json`, fetch, signature, algorithms }),
      signature,
      maxLifeSeconds: 900,
      clockSkewSeconds: 5
    }),
    admission: createAdmission({
      redis: openRedis(redis),
      view: createRevocationView({ maxAgeMs: 1000, retentionMs: 960_000, onKeyRemoved: () => {} }),
      nowMs,
      maxSubjects: 100,
      fallbackShare: 0.1,
      breakerResetMs: 250,
      onStoreFailure: () => {}
    }),
    forward: createForward({
      originUrl: url,
      deadlineMs: 15_000,
      signHop: createHopSigner(EDGE_SECRET),
      fetch: (input, init) => fetch(input, init),
      nowMs
    }),
    nowMs,
    createRequestId: randomUUID,
    log: () => {}
  })
  return async (path: string, { token, address = '192.0.2.1' }: { token?: string; address?: string } = {}) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const arrival = { clientAddress: address, waitUntil: () => {} }
    const response = await gateway(new Request(PUBLIC_URL + path, { headers }), arrival)
    return { status: response.status, body: (await response.json()) as { code?: string } }
  }
}

/** A user with a session from a direct login, and an origin that accepts only requests through an edge. */
async function openPerson(t: Test): Promise<{ direct: string; origin: TestOrigin; person: SignedUp }> {
  const direct = await openTestOrigin(t)
  const person = await signUp(direct.url, direct.mailbox)
  const { url } = await direct.another({ REQUIRE_EDGE: 'true' })
  return { direct: direct.url, origin: { ...direct, url }, person }
}

for (const skewMs of [-25_000, 4_000]) {
  t.test(`a clock that is ${skewMs / 1000} s ahead`, async t => {
    const { direct, origin, person } = await openPerson(t)
    const [ask, exact] = [openSkewedGateway(origin, skewMs), openSkewedGateway(origin, 0)]

    t.equal((await ask('/api/v1/nothing')).status, 404, 'the origin believes the signed hop')

    // The token was issued just now. For a clock that is behind, that is in the future.
    const answer = await ask('/api/v1/users/me', { token: person.accessToken, address: '192.0.2.2' })
    if (skewMs < 0) t.match(answer, { status: 401, body: { code: 'token-invalid' } }, 'errs to the safe side')
    else t.equal(answer.status, 200)

    const asked = Array.from({ length: 2 * QUOTA }, (_, i) =>
      [ask, exact][i % 2]?.('/api/v1/nothing', { address: '192.0.2.3' })
    )
    const passed = (await Promise.all(asked)).filter(one => one?.status === 404)
    t.equal(passed.length, QUOTA, 'a quota is one quota, whatever the clocks of its instances')

    if (skewMs < 0) return
    await call(direct, 'POST', '/api/v1/auth/logout', { body: { refreshToken: person.refreshToken } })
    let address = 0
    await until('the logout has reached the edge', async () => {
      const client = { token: person.accessToken, address: `2001:db8:0:${(address++).toString(16)}::1` }
      const { body } = await ask('/api/v1/users/me', client)
      return body.code === 'session-ended'
    })
  })
}

t.test('an edge with a clock beyond the tolerance of a signed hop reaches nothing', async t => {
  const { origin } = await openPerson(t)
  for (const skewMs of [-31_000, 10_000]) {
    const answer = await openSkewedGateway(origin, skewMs)('/api/v1/nothing')
    t.match(answer, { status: 403, body: { code: 'edge-required' } }, `${skewMs} ms`)
  }
})
