/** A logout reaches every edge within a second, and no warm request calls Redis for it. */

import t, { type Test } from 'tap'
import { openEngineBackend, openRedisRest } from '../../local/redis-rest.ts'
import { type Edge, edgeBindings, WORKERD } from '../edge/lib/edge-places.ts'
import { openTinyOrigin } from '../edge/lib/tiny-origin.ts'
import { call, PASSWORD, register } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const API = '/api/v1'
const [PEOPLE, SESSIONS_EACH, ABREAST] = [4, 50, 10]
/** `REVOCATION_MAX_AGE_MS`, which is the promised time. */
const REACH_MS = 1_000
/** A view is fresh for this time: no edge reads more often, at any rate of requests. */
const FRESH_MS = 500

interface Session {
  readonly token: string
  readonly refreshToken: string
}

/**
 * An origin for sign-ins, and two edges in workerd. Behind the edges is another origin: the first one knows of its own
 * logouts at once. The other one accepts everything, so every refusal is one of an edge. The edges' calls to Redis go
 * through their own endpoint, which counts them.
 */
async function openSystem(t: Test) {
  const backend = await openEngineBackend()
  t.teardown(() => backend.close())
  const [forOrigin, forEdges] = await Promise.all(
    ['origin', 'edges'].map(async who => {
      const rest = await openRedisRest({ backend, token: `token-of-the-${who}` })
      t.teardown(() => rest.close())
      return rest
    })
  )
  if (forOrigin === undefined || forEdges === undefined) throw new Error('two endpoints were asked for')
  const origin = await openTestOrigin(t, {
    UPSTASH_REDIS_REST_URL: forOrigin.url,
    UPSTASH_REDIS_REST_TOKEN: forOrigin.token
  })
  const wide = '1000000/60'
  const bindings = {
    ...edgeBindings((await openTinyOrigin(t)).url, forEdges),
    JWKS_URL: `${origin.url}/.well-known/jwks.json`,
    EDGE_QUOTA_ADDRESS: wide,
    EDGE_QUOTA_AUTH: wide,
    EDGE_QUOTA_USER: wide,
    DEBUG_HEADERS: 'true'
  }
  const edges = await Promise.all([WORKERD.open(t, bindings), WORKERD.open(t, bindings)])
  return { origin, edges, edgeCalls: forEdges.calls }
}

const probe = (edge: Edge, token: string) =>
  edge.send(`${API}/auth/verify-token`, { headers: { authorization: `Bearer ${token}` } })

async function codeOf(response: Response): Promise<string> {
  return response.status === 200 ? 'ok' : ((await response.json()) as { code: string }).code
}

t.test('200 logouts reach two edges within a second each, while warm requests ask Redis for nothing', async t => {
  const { origin, edges, edgeCalls } = await openSystem(t)
  const sessions: Session[] = []
  for (let i = 0; i < PEOPLE; i++) {
    const email = await register(origin.url, origin.mailbox)
    for (let k = 0; k < SESSIONS_EACH; k++) {
      const { body } = await call(origin.url, 'POST', `${API}/auth/login`, { body: { email, password: PASSWORD } })
      sessions.push({ token: body.accessToken, refreshToken: body.refreshToken })
    }
  }

  await t.test('warm requests', async t => {
    const all = async () => {
      for (const { token } of sessions) {
        for (const response of await Promise.all(edges.map(edge => probe(edge, token)))) {
          if (response.status !== 200) t.fail(await response.text())
          const ageMs = Number(response.headers.get('x-auth-revocation-age'))
          if (!(ageMs <= REACH_MS)) t.fail(`answered from a view of ${ageMs} ms`)
          await response.body?.cancel()
        }
      }
    }
    await all()
    const [before, beganMs] = [edgeCalls(), Date.now()]
    for (let round = 0; round < 3; round++) await all()
    const calls = edgeCalls() - before
    const requests = 3 * sessions.length * edges.length
    // Each edge refreshes its view now and then, and its leases once in many requests.
    const renewals = edges.length * (Math.ceil((Date.now() - beganMs) / FRESH_MS) + 1)
    t.ok(calls <= renewals + requests / 50, `${calls} calls in the time of ${renewals} renewals`)
    t.ok(calls < requests / 10, `${calls} calls for ${requests} requests`)
  })

  await t.test('logouts', async t => {
    const reachesMs: number[] = []
    for (let i = 0; i < sessions.length; i += ABREAST) {
      const batch = sessions.slice(i, i + ABREAST)
      reachesMs.push(...(await Promise.all(batch.map(session => logOut(origin.url, edges, session)))).flat())
    }
    reachesMs.sort((a, b) => a - b)
    const [p50, worst] = [reachesMs[Math.floor(reachesMs.length / 2)] ?? 0, reachesMs.at(-1) ?? Number.NaN]
    t.equal(reachesMs.length, PEOPLE * SESSIONS_EACH * edges.length)
    t.ok(worst <= REACH_MS, `the last request that passed began ${worst} ms after the logout, half of them ${p50} ms`)
  })
})

/** Logs out. Returns for each edge how long after the answer the last request began that still passed. */
async function logOut(originUrl: string, edges: readonly Edge[], { token, refreshToken }: Session): Promise<number[]> {
  // If Redis misses the deadline, as on a busy machine, the answer is 503 and the client tries again.
  await until('the logout is answered well', async () => {
    const { status } = await call(originUrl, 'POST', `${API}/auth/logout`, { body: { refreshToken } })
    return status === 200
  })
  const endedMs = Date.now()
  return Promise.all(
    edges.map(async edge => {
      let lastPassedMs = 0
      await until('the edge refuses', async () => {
        const begunMs = Date.now() - endedMs
        const code = await codeOf(await probe(edge, token))
        if (code === 'ok') lastPassedMs = begunMs
        else if (code !== 'session-ended') throw new Error(`the edge answered ${code}`)
        return code === 'session-ended'
      })
      return lastPassedMs
    })
  )
}
