/**
 * The gateway's order and its refusals, with every port provided by the test; real parts are in `forwarding.test.ts`.
 *
 * Over 200 lines: the table of refusals is read in one piece.
 */

import t from 'tap'
import type { Conversation } from '../../../edge/admission/conversation.ts'
import { DATA_ANSWER_HEADERS } from '../../../edge/contract/http.ts'
import { PROBLEMS, type ProblemCode } from '../../../edge/contract/problems.ts'
import type { Charge } from '../../../edge/limiter/charge.ts'
import type { VerifyFailure } from '../../../edge/verifier/verify-token.ts'
import { CLAIMS, createGatewaySetup, NOW_MS, REQUEST_ID, type SetupChanges } from '../lib/gateway-setup.ts'

const PROTECTED = 'http://gatehouse.test/api/v1/auth/sessions'
const ADDRESS = '192.0.2.1'
const bearer = (more: Record<string, string> = {}) => ({ headers: { authorization: 'Bearer a.b.c', ...more } })

const refusing = (code: VerifyFailure['code']) => ({
  verifier: { verify: async () => ({ ok: false, code, reason: 'why' }) as const }
})
const used = (used: string, retryAfterMs = 12_001): SetupChanges => ({ answers: { used, retryAfterMs } })
const session = (session: 'ended' | 'key-removed' | 'unknown'): SetupChanges => ({ answers: { session } })

t.test(
  'a request is limited from memory, verified, made ready, checked, charged and forwarded, in that order',
  async t => {
    const { gateway, steps } = createGatewaySetup()
    await gateway(new Request(PROTECTED, bearer()), ADDRESS)
    t.strictSame(steps, [
      'refusal address auth',
      'verify',
      'ready view address auth user',
      'session',
      'charge address auth user',
      'sign',
      'fetch'
    ])
  }
)

t.test('a public route is charged, signed and forwarded, and its token is ignored', async t => {
  const { gateway, steps } = createGatewaySetup()
  await gateway(new Request('http://gatehouse.test/health/live', bearer()), ADDRESS)
  t.strictSame(steps.splice(0), ['refusal address', 'ready address', 'charge address', 'sign', 'fetch'])
  await gateway(new Request('http://gatehouse.test/api/v1/auth/login', { ...bearer(), method: 'POST' }), ADDRESS)
  t.strictSame(steps, ['refusal address auth', 'ready address auth', 'charge address auth', 'sign', 'fetch'])
})

t.test(
  'the ports receive the canonical address, the verified ids, and the time at which the request began',
  async t => {
    const received: unknown[] = []
    const subjects = (charges: readonly Charge[]) => charges.map(({ name, subject }) => [name, subject])
    let nowMs = NOW_MS
    const { gateway } = createGatewaySetup({
      nowMs: () => nowMs++,
      admission: {
        begin({ charges, begunAtMs }) {
          received.push([...subjects(charges), begunAtMs])
          return {
            identify: (session, more) => received.push([session, ...subjects(more)]),
            refusal: () => undefined,
            ready: () => undefined,
            sessionStatus: () => 'live',
            charge(onStoreFailure) {
              received.push(onStoreFailure)
              return { ok: true, quotas: [] }
            }
          } as Pick<Conversation, 'identify' | 'refusal' | 'ready' | 'sessionStatus' | 'charge'> as Conversation
        }
      },
      signHop: async hop => {
        received.push({ ...hop, timeMs: 0 })
        return 'signature'
      }
    })
    await gateway(new Request(`${PROTECTED}//%61?x=%2f`, { ...bearer(), method: 'DELETE' }), '2001:DB8::0:1')
    const byAddress = [
      ['address', '2001:db8:0:0::/64'],
      ['auth', '2001:db8:0:0::/64']
    ]
    t.strictSame(received, [
      [...byAddress, NOW_MS],
      [{ sid: CLAIMS.sid, kid: 'k' }, ['user', CLAIMS.sub]],
      'fallback',
      {
        method: 'DELETE',
        target: '/api/v1/auth/sessions/a?x=%2f',
        clientAddress: '2001:db8::1',
        timeMs: 0,
        requestId: REQUEST_ID
      }
    ])
  }
)

/** The quota field of an answer after a charge. */
const CHARGED = '"address";r=7;t=61, "auth";r=7;t=61, "user";r=7;t=61'

interface Refused {
  readonly changes?: SetupChanges
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
    changes: session('ended'),
    code: 'session-ended',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
  },
  'a token of a key that was removed': {
    changes: session('key-removed'),
    code: 'token-invalid',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
  },
  'a session of unknown status': {
    changes: session('unknown'),
    code: 'unavailable',
    headers: { 'retry-after': '1' }
  },
  'a used quota by address': {
    changes: used('address'),
    code: 'rate-limited',
    headers: { 'retry-after': '13', ratelimit: '"address";r=0;t=13', 'ratelimit-policy': '"address";q=300;w=61' }
  },
  'a used quota of its route': {
    changes: used('auth'),
    code: 'rate-limited',
    headers: { 'retry-after': '13', ratelimit: '"auth";r=0;t=13' }
  },
  'a quota that is known to be used up': {
    changes: { answers: { held: 'auth' } },
    code: 'rate-limited',
    headers: { 'retry-after': '13', ratelimit: '"auth";r=0;t=13' }
  },
  'a quota in an unknown state': {
    changes: { answers: { used: 'address', refusal: 'unavailable', retryAfterMs: 1000 } },
    code: 'unavailable',
    headers: { 'retry-after': '1' }
  },
  'a used quota by user': {
    changes: used('user', 1),
    code: 'rate-limited',
    headers: { 'retry-after': '1', ratelimit: '"user";r=0;t=1' }
  },
  'a path with two meanings': { url: `${PROTECTED}%2fall`, code: 'malformed-request' },
  'a target too long': { url: `${PROTECTED}?${'x'.repeat(4096)}`, code: 'uri-too-long' },
  'no client address': { address: undefined, code: 'unavailable', headers: { 'retry-after': '1' } },
  'an invalid client address': { address: '192.0.2.1, 10.0.0.1', code: 'unavailable' },
  'an origin out of reach': {
    changes: { fetch: () => Promise.reject(new TypeError('fetch failed')) },
    code: 'unavailable',
    headers: { 'retry-after': '1', ratelimit: CHARGED }
  },
  'a port that breaks its word': {
    changes: { signHop: () => Promise.reject(new Error('a secret detail')) },
    code: 'internal',
    headers: { ratelimit: CHARGED }
  }
}

for (const [what, { changes = {}, url = PROTECTED, init = bearer(), code, headers = {}, ...rest }] of Object.entries(
  REFUSED
)) {
  t.test(`${what} is refused as ${code}, in full, and not forwarded`, async t => {
    const { gateway, steps, events } = createGatewaySetup(changes)
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
    t.strictSame(await response.json(), { type, title, status, code, requestId: REQUEST_ID }, 'and no other member')
    t.notOk(steps.includes('fetch'))
    t.match(events, [{ requestId: REQUEST_ID, code }])
    t.notMatch(JSON.stringify(events), /a\.b\.c|192\.0\.2\.1/, 'no token and no address in the log')
  })
}

t.test('each refusal comes before the steps after it', async t => {
  const cut = async (changes: SetupChanges) => {
    const { gateway, steps } = createGatewaySetup(changes)
    await gateway(new Request(PROTECTED, bearer()), ADDRESS)
    return steps
  }
  const fromMemory = ['refusal address auth']
  t.strictSame(await cut({ answers: { held: 'address' } }), fromMemory, 'from memory, before a signature is checked')
  const asked = [...fromMemory, 'verify', 'ready view address auth user', 'session']
  t.strictSame(await cut(used('address')), [...asked, 'charge address auth user'])
  t.strictSame(
    await cut(refusing('token-invalid')),
    [...fromMemory, 'ready address auth', ...fromMemory, 'charge address auth'],
    'a bad token is counted, and the quotas of its user are not asked for'
  )
  t.strictSame(
    await cut(session('ended')),
    [...asked, 'refusal address auth user', 'charge address auth'],
    'an ended session is counted as a bad token is'
  )
})

t.test('a refusal can be read by a page of an allowed origin, and by no other', async t => {
  const { gateway } = createGatewaySetup()
  const ask = async (origin: string) =>
    (await gateway(new Request(PROTECTED, { headers: { origin } }), ADDRESS)).headers
  const allowed = await ask('https://app.test')
  t.equal(allowed.get('access-control-allow-origin'), 'https://app.test')
  t.equal(allowed.get('access-control-allow-credentials'), 'true')
  for (const origin of ['https://evil.test', 'null', 'https://app.test.evil.test']) {
    t.equal((await ask(origin)).get('access-control-allow-origin'), null, origin)
  }
})

t.test('a preflight of a listed origin is answered at once: no quota, nothing of the origin', async t => {
  for (const changes of [{}, used('address'), { answers: { held: 'address' } }, session('unknown')]) {
    const { gateway, steps } = createGatewaySetup(changes)
    const headers = {
      origin: 'https://app.test',
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'authorization,x-mine'
    }
    for (const url of [PROTECTED, 'http://gatehouse.test/health/live', 'http://gatehouse.test/nowhere']) {
      const response = await gateway(new Request(url, { method: 'OPTIONS', headers }), ADDRESS)
      t.equal(response.status, 204)
      t.match(Object.fromEntries(response.headers), {
        'access-control-allow-origin': 'https://app.test',
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'DELETE',
        'access-control-allow-headers': 'authorization,x-mine',
        'access-control-max-age': '600',
        vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
        'x-request-id': REQUEST_ID,
        ...DATA_ANSWER_HEADERS
      })
    }
    t.strictSame(steps, [])
  }
})

t.test('a preflight of any other origin is a request like any other: counted, and the origin answers it', async t => {
  for (const origin of ['https://evil.test', 'null', 'https://app.test.evil.test', undefined]) {
    const { gateway, steps } = createGatewaySetup(used('address'))
    const headers = { 'access-control-request-method': 'DELETE', ...(origin !== undefined && { origin }) }
    const response = await gateway(new Request(PROTECTED, { method: 'OPTIONS', headers }), ADDRESS)
    t.equal(response.status, 429, String(origin))
    t.strictSame(steps, ['refusal address auth', 'ready address auth', 'charge address auth'])
  }
})

t.test('only a preflight is answered so: neither another OPTIONS nor a path that can be read in two ways', async t => {
  const { gateway, steps } = createGatewaySetup()
  const from = { origin: 'https://app.test' }
  const asked = { ...from, 'access-control-request-method': 'GET' }
  const ask = async (path: string, method: string, headers: Record<string, string>) =>
    (await gateway(new Request(`http://gatehouse.test${path}`, { method, headers }), ADDRESS)).status
  t.equal(await ask('/api/v1/users/me', 'OPTIONS', from), 401)
  t.equal(await ask('/api/v1/users/me', 'GET', asked), 401)
  t.equal(await ask('/api/v1/users/me', 'OPTIONS', { ...asked, authorization: 'Basic x' }), 401)
  t.equal(await ask('/a%2fb', 'OPTIONS', asked), 400)
  t.notOk(steps.includes('fetch'))
})

t.test('a preflight needs no token; any other OPTIONS does', async t => {
  const { gateway, steps } = createGatewaySetup()
  const preflight = { method: 'OPTIONS', headers: { 'access-control-request-method': 'DELETE' } }
  t.equal((await gateway(new Request(PROTECTED, preflight), ADDRESS)).status, 200)
  t.strictSame(steps, ['refusal address auth', 'ready address auth', 'charge address auth', 'sign', 'fetch'])
  t.equal((await gateway(new Request(PROTECTED, { method: 'OPTIONS' }), ADDRESS)).status, 401)
  const other = { headers: { 'access-control-request-method': 'DELETE' } }
  t.equal((await gateway(new Request(PROTECTED, other), ADDRESS)).status, 401, 'nor does its header open a GET')
})

t.test(
  'a request with an Authorization header is not a preflight: the origin must not believe an unverified token',
  async t => {
    const { gateway, forwarded } = createGatewaySetup(refusing('token-invalid'))
    const headers = { authorization: 'Bearer a.b.c', 'access-control-request-method': 'GET' }
    const response = await gateway(new Request(PROTECTED, { method: 'OPTIONS', headers }), ADDRESS)
    t.match(await response.json(), { status: 401, code: 'token-invalid' })
    t.strictSame(forwarded, [])
  }
)

t.test('a URL that cannot be parsed is the mistake of the client', async t => {
  const { gateway, events } = createGatewaySetup()
  const request = new Proxy(new Request(PROTECTED), {
    get: (target, name) => (name === 'url' ? 'http://a b/' : Reflect.get(target, name, target))
  })
  t.match(await (await gateway(request, ADDRESS)).json(), { status: 400, code: 'malformed-request' })
  t.notMatch(events[0]?.reason, /a b/)
})

t.test("the origin's quota fields are joined by ours, and its request id gives way", async t => {
  const headers = { ratelimit: '"register";r=4;t=3600', 'x-request-id': 'of the origin' }
  const { gateway } = createGatewaySetup({ fetch: async () => new Response('ok', { headers }) })
  const response = await gateway(new Request(PROTECTED, bearer()), ADDRESS)
  t.equal(
    response.headers.get('ratelimit'),
    '"register";r=4;t=3600, "address";r=7;t=61, "auth";r=7;t=61, "user";r=7;t=61'
  )
  t.equal(response.headers.get('x-request-id'), REQUEST_ID)
})

t.test('an id that the origin made gives way in its problem, and any other body stays as it is', async t => {
  const own = '0199a8d4-1c00-7000-8000-0000000000ff'
  const problem = 'application/problem+json'
  const answer = async (type: string, body: string, id = own) => {
    const headers = { 'x-request-id': id, 'content-type': type, 'content-length': String(body.length) }
    const { gateway } = createGatewaySetup({ fetch: async () => new Response(body, { status: 431, headers }) })
    const response = await gateway(new Request(PROTECTED, bearer()), ADDRESS)
    t.equal(response.status, 431)
    t.equal(response.headers.get('x-request-id'), REQUEST_ID)
    return response.text()
  }
  const text = JSON.stringify({ code: 'headers-too-large', requestId: own })
  t.strictSame(JSON.parse(await answer(problem, text)), { code: 'headers-too-large', requestId: REQUEST_ID })
  for (const [type, body, id] of [
    ['application/json', text],
    [problem, JSON.stringify({ requestId: 'another' })],
    [problem, '{"requestId":'],
    [problem, text, REQUEST_ID],
    [problem, JSON.stringify({ requestId: own, detail: 'x'.repeat(5_000) })]
  ] as const)
    t.equal(await answer(type, body, id), body, type)
})

t.test('the signed target is the one that is forwarded, below any path of the origin', async t => {
  const { gateway, forwarded } = createGatewaySetup({ originUrl: 'http://origin.test/base' })
  await gateway(new Request('http://gatehouse.test//api/v1/auth/%6cogin?next=%2F', { method: 'POST' }), ADDRESS)
  t.equal(forwarded[0]?.url, 'http://origin.test/base/api/v1/auth/login?next=%2F')
  t.equal(forwarded[0]?.redirect, 'manual')
})

t.test('the incoming request is not changed', async t => {
  const { gateway, forwarded } = createGatewaySetup()
  const request = new Request(PROTECTED, bearer({ 'x-real-ip': '192.0.2.9' }))
  const before = [...request.headers]
  await gateway(request, ADDRESS)
  t.strictSame([...request.headers], before)
  t.notOk(forwarded[0]?.headers.has('x-real-ip'))
})
