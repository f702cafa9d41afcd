/**
 * The gateway's order and its refusals, with every port in the test's hand; real parts are in `forwarding.test.ts`.
 *
 * Over 200 lines: the table of refusals is read in one piece.
 */

import t from 'tap'
import { DATA_ANSWER_HEADERS } from '../../edge/contract/http.ts'
import { PROBLEMS, type ProblemCode } from '../../edge/contract/problems.ts'
import type { GatewayOptions } from '../../edge/gateway.ts'
import type { Verdict } from '../../edge/limiter/redis-limiter.ts'
import type { VerifyFailure } from '../../edge/verifier/verify-token.ts'
import { CLAIMS, createGatewayBench, NOW_MS, REQUEST_ID } from './lib/gateway-bench.ts'

const PROTECTED = 'http://gatehouse.test/api/v1/auth/sessions'
const ADDRESS = '192.0.2.1'
const bearer = (more: Record<string, string> = {}) => ({ headers: { authorization: 'Bearer a.b.c', ...more } })

const refusing = (code: VerifyFailure['code']) => ({
  verifier: { verify: async () => ({ ok: false, code, reason: 'why' }) as const }
})
const used = (quota: string, retryAfterMs = 12_001): Pick<GatewayOptions, 'limiter'> => {
  const verdict: Verdict = { allowed: true, remaining: 7, retryAfterMs: 0, from: 'store' }
  const take = async (name: string): Promise<Verdict> =>
    name === quota ? { ...verdict, allowed: false, remaining: 0, retryAfterMs } : verdict
  return { limiter: { take } }
}

t.test('a request is limited, verified, checked, limited, signed and forwarded, in that order', async t => {
  const { gateway, steps } = createGatewayBench()
  await gateway(new Request(PROTECTED, bearer()), ADDRESS)
  t.strictSame(steps, ['take address', 'take auth', 'verify', 'standing', 'take user', 'sign', 'fetch'])
})

t.test('a public route is limited, signed and forwarded, and its token is not looked at', async t => {
  const { gateway, steps } = createGatewayBench()
  await gateway(new Request('http://gatehouse.test/health/live', bearer()), ADDRESS)
  await gateway(new Request('http://gatehouse.test/api/v1/auth/login', { ...bearer(), method: 'POST' }), ADDRESS)
  t.strictSame(steps, ['take address', 'sign', 'fetch', 'take address', 'take auth', 'sign', 'fetch'])
})

t.test('the ports are told the canonical address, the verified ids, and one time', async t => {
  const told: unknown[] = []
  const allowed: Verdict = { allowed: true, remaining: 1, retryAfterMs: 0, from: 'store' }
  const { gateway } = createGatewayBench({
    limiter: {
      take: async (name, _policy, subject, nowMs) => {
        told.push([name, subject, nowMs])
        return allowed
      }
    },
    revocation: {
      ageMs: () => 0,
      standing: async (sid, nowMs) => {
        told.push([sid, nowMs])
        return 'live'
      }
    },
    signHop: async hop => {
      told.push(hop)
      return 'signature'
    }
  })
  await gateway(new Request(`${PROTECTED}//%61?x=%2f`, { ...bearer(), method: 'DELETE' }), '2001:DB8::0:1')
  t.strictSame(told, [
    ['address', '2001:db8:0:0::/64', NOW_MS],
    ['auth', '2001:db8:0:0::/64', NOW_MS],
    [CLAIMS.sid, NOW_MS],
    ['user', CLAIMS.sub, NOW_MS],
    {
      method: 'DELETE',
      target: '/api/v1/auth/sessions/a?x=%2f',
      clientAddress: '2001:db8::1',
      timeMs: NOW_MS,
      requestId: REQUEST_ID
    }
  ])
})

interface Refused {
  readonly changes?: Partial<GatewayOptions>
  readonly url?: string
  readonly init?: RequestInit
  readonly address?: string | undefined
  readonly code: ProblemCode
  readonly headers?: Readonly<Record<string, string>>
}

const REFUSED: Readonly<Record<string, Refused>> = {
  'no token': { init: {}, code: 'token-missing', headers: { 'www-authenticate': 'Bearer' } },
  'no bearer token': {
    init: { headers: { authorization: 'Basic YTpi' } },
    code: 'token-invalid',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
  },
  'a bad token': {
    changes: refusing('token-invalid'),
    code: 'token-invalid',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
  },
  'an expired token': {
    changes: refusing('token-expired'),
    code: 'token-expired',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
  },
  'no keys': { changes: refusing('keys-unavailable'), code: 'unavailable', headers: { 'retry-after': '1' } },
  'an ended session': {
    changes: { revocation: { standing: async () => 'ended', ageMs: () => 0 } },
    code: 'session-ended',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
  },
  'a session nobody knows of': {
    changes: { revocation: { standing: async () => 'unknown', ageMs: () => 0 } },
    code: 'unavailable',
    headers: { 'retry-after': '1' }
  },
  'a used quota by address': {
    changes: used('address'),
    code: 'rate-limited',
    headers: { 'retry-after': '13', ratelimit: '"address";r=0;t=13', 'ratelimit-policy': '"address";q=300;w=60' }
  },
  'a used quota of its route': {
    changes: used('auth'),
    code: 'rate-limited',
    headers: { 'retry-after': '13', ratelimit: '"address";r=7;t=60, "auth";r=0;t=13' }
  },
  'a used quota by user': {
    changes: used('user', 1),
    code: 'rate-limited',
    headers: { 'retry-after': '1', ratelimit: '"address";r=7;t=60, "auth";r=7;t=60, "user";r=0;t=1' }
  },
  'a path with two meanings': { url: `${PROTECTED}%2fall`, code: 'malformed-request' },
  'a target too long': { url: `${PROTECTED}?${'x'.repeat(4096)}`, code: 'uri-too-long' },
  'no client address': { address: undefined, code: 'unavailable', headers: { 'retry-after': '1' } },
  'a client address that is none': { address: '192.0.2.1, 10.0.0.1', code: 'unavailable' },
  'an origin out of reach': {
    changes: { fetch: () => Promise.reject(new TypeError('fetch failed')) },
    code: 'unavailable',
    headers: { 'retry-after': '1' }
  },
  'a port that breaks its word': {
    changes: { signHop: () => Promise.reject(new Error('a secret detail')) },
    code: 'internal'
  }
}

for (const [what, { changes = {}, url = PROTECTED, init = bearer(), code, headers = {}, ...rest }] of Object.entries(
  REFUSED
)) {
  t.test(`${what} is refused as ${code}, in full, and not forwarded`, async t => {
    const { gateway, steps, events } = createGatewayBench(changes)
    const response = await gateway(new Request(url, init), 'address' in rest ? rest.address : ADDRESS)
    const { status, title } = PROBLEMS[code]
    t.equal(response.status, status)
    t.match(Object.fromEntries(response.headers), {
      ...DATA_ANSWER_HEADERS,
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': REQUEST_ID,
      vary: 'Origin',
      ...headers
    })
    const type = `http://gatehouse.test/problems/${code}`
    t.strictSame(await response.json(), { type, title, status, code, requestId: REQUEST_ID }, 'and nothing else')
    t.notOk(steps.includes('fetch'))
    t.match(events, [{ requestId: REQUEST_ID, code }])
    t.notMatch(JSON.stringify(events), /a\.b\.c|192\.0\.2\.1/, 'no token and no address in the log')
  })
}

t.test('each refusal comes before the steps after it', async t => {
  const cut = async (changes: Partial<GatewayOptions>) => {
    const { gateway, steps } = createGatewayBench(changes)
    await gateway(new Request(PROTECTED, bearer()), ADDRESS)
    return steps
  }
  t.strictSame(await cut(used('address')), [])
  t.strictSame(await cut(refusing('token-invalid')), ['take address', 'take auth'])
  const ended = await cut({ revocation: { standing: async () => 'ended', ageMs: () => 0 } })
  t.strictSame(ended, ['take address', 'take auth', 'verify'])
  t.strictSame(await cut(used('user')), ['verify', 'standing'])
})

t.test('a refusal can be read by a page of an allowed origin, and by no other', async t => {
  const { gateway } = createGatewayBench()
  const ask = async (origin: string) =>
    (await gateway(new Request(PROTECTED, { headers: { origin } }), ADDRESS)).headers
  const allowed = await ask('https://app.test')
  t.equal(allowed.get('access-control-allow-origin'), 'https://app.test')
  t.equal(allowed.get('access-control-allow-credentials'), 'true')
  for (const origin of ['https://evil.test', 'null', 'https://app.test.evil.test']) {
    t.equal((await ask(origin)).get('access-control-allow-origin'), null, origin)
  }
})

t.test('a preflight needs no token; any other OPTIONS does', async t => {
  const { gateway, steps } = createGatewayBench()
  const preflight = { method: 'OPTIONS', headers: { 'access-control-request-method': 'DELETE' } }
  t.equal((await gateway(new Request(PROTECTED, preflight), ADDRESS)).status, 200)
  t.strictSame(steps, ['take address', 'take auth', 'sign', 'fetch'])
  t.equal((await gateway(new Request(PROTECTED, { method: 'OPTIONS' }), ADDRESS)).status, 401)
  const other = { headers: { 'access-control-request-method': 'DELETE' } }
  t.equal((await gateway(new Request(PROTECTED, other), ADDRESS)).status, 401, 'nor does its header open a GET')
})

t.test("the origin's quota fields are joined by ours, and its request id gives way", async t => {
  const headers = { ratelimit: '"register";r=4;t=3600', 'x-request-id': 'of the origin' }
  const { gateway } = createGatewayBench({ fetch: async () => new Response('ok', { headers }) })
  const response = await gateway(new Request(PROTECTED, bearer()), ADDRESS)
  t.equal(
    response.headers.get('ratelimit'),
    '"register";r=4;t=3600, "address";r=7;t=60, "auth";r=7;t=60, "user";r=7;t=60'
  )
  t.equal(response.headers.get('x-request-id'), REQUEST_ID)
})

t.test('the target that was signed is the one that is forwarded, below whatever path the origin has', async t => {
  const { gateway, forwarded } = createGatewayBench({ originUrl: 'http://origin.test/base' })
  await gateway(new Request('http://gatehouse.test//api/v1/auth/%6cogin?next=%2F', { method: 'POST' }), ADDRESS)
  t.equal(forwarded[0]?.url, 'http://origin.test/base/api/v1/auth/login?next=%2F')
  t.equal(forwarded[0]?.redirect, 'manual')
})
