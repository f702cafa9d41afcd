/**
 * No spelling of a protected path slips past the edge's policy and still reaches the protected handler: thousands of
 * spellings through a real gateway to a real router with the origin's options, and raw ones through workerd.
 */

import { once } from 'node:events'
import { connect } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import type { EdgePolicies } from '../../../edge/contract/policies.ts'
import { createRandom, pick, type Random } from '../../../local/random.ts'
import type { Teardown } from '../../lib/test-engines.ts'
import { openSurroundings, WORKERD } from '../lib/edge-places.ts'
import { createGatewaySetup } from '../lib/gateway-setup.ts'

const PROTECTED = [
  '/api/v1/users/me',
  '/api/v1/users/me/password',
  '/api/v1/admin/users',
  '/api/v1/auth/verify-token',
  '/api/v1/auth/sessions',
  '/api/v1/auth/sessions/all',
  '/api/v1/auth/sessions/0199a8d4-1c00-7000-8000-0000000000a1'
] as const

/** An origin with protected handlers that answer `reached`. Its options are those of `server/app.ts`. */
async function openRouter(t: Teardown): Promise<string> {
  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 256 } })
  const reached = async () => 'reached'
  for (const path of PROTECTED.slice(0, 6)) app.all(path, reached)
  app.all('/api/v1/auth/sessions/:id', reached)
  app.all('/api/v1/auth/login', async () => 'public')
  t.teardown(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}

const OPEN: EdgePolicies = {
  quotas: {},
  routes: [{ path: '/*', methods: 'any', token: 'none', quotas: [], onStoreFailure: 'refuse' }]
}

/** The gateway before that router, with a verifier that refuses every token. */
async function openGateway(t: Teardown, isOpen: boolean) {
  const refuses = async () => ({ ok: false, code: 'token-invalid', reason: 'a test' }) as const
  const { gateway } = createGatewaySetup({
    originUrl: await openRouter(t),
    fetch: (input, init) => fetch(input, init),
    ...(isOpen ? { policies: OPEN } : { verifier: { verify: refuses } })
  })
  return async (target: string) => {
    const response = await gateway(new Request(`http://gatehouse.test${target}`), '192.0.2.1')
    return response.text()
  }
}

t.test('no spelling of a protected path reaches its handler without a token', async t => {
  const ask = await openGateway(t, false)
  const through: string[] = []
  for (const target of spellings(3, 2_500)) if ((await ask(target)) === 'reached') through.push(target)
  t.strictSame(through, [])
  t.equal(await ask('/api/v1/auth/login'), 'public', 'and the router is there')
})

t.test('many of these spellings do reach the handler where the edge lets everything pass', async t => {
  const ask = await openGateway(t, true)
  let reached = 0
  for (const target of spellings(3, 400)) if ((await ask(target)) === 'reached') reached++
  t.ok(reached > 100, `${reached} of 400`)
})

t.test('no raw request target reaches a protected handler through workerd', async t => {
  const { bindings } = await openSurroundings(t)
  const originUrl = await openRouter(t)
  const quota = '100000/60'
  const edge = await WORKERD.open(t, {
    ...bindings,
    JWKS_URL: `${bindings.ORIGIN_URL}/.well-known/jwks.json`,
    ORIGIN_URL: originUrl,
    EDGE_QUOTA_ADDRESS: quota,
    EDGE_QUOTA_AUTH: quota
  })
  const port = Number(new URL(edge.url).port)
  t.match(await askRaw(port, '/api/v1/auth/login'), /^HTTP\/1\.1 200 [\s\S]*public$/, 'and the router is there')

  const targets = [...RAW, ...PROTECTED.flatMap(rawSpellings), ...spellings(4, 150)]
  const answers = await Promise.all(targets.map(async target => [target, await askRaw(port, target)] as const))
  t.strictSame(
    answers.filter(([, answer]) => answer.includes('reached')),
    []
  )
  t.strictSame(
    answers.filter(([, answer]) => /^HTTP\/1\.1 5/.test(answer)),
    [],
    'and no answer is a server error'
  )
})

/** What no URL parser would send. */
const RAW = [
  'http://gatehouse.test/api/v1/users/me',
  'http://evil.test/api/v1/users/me',
  'HTTP://gatehouse.test//api/v1/users/me',
  '//evil.test/api/v1/users/me',
  '///api/v1/users/me',
  '/\\evil.test/api/v1/users/me',
  '/health/live?/../../api/v1/users/me',
  '/health/live#/../api/v1/users/me',
  '/health/live/../../api/v1/users/me',
  '/api/v1/users/me?',
  '/api/v1/users/me#x'
]

function rawSpellings(path: string): string[] {
  const backslashed = path.replaceAll('/', '\\')
  return [
    `/${backslashed.slice(1)}`,
    backslashed,
    path.replace('/v1/', '/v1/./'),
    path.replace('/v1/', '/v1/x/../'),
    path.replace('/v1/', '/v1/x/%2e%2e/'),
    path.replace('/v1/', '/v1/x/..%2f'),
    path.replace('/v1/', '/v1%2f'),
    path.replace('/v1/', '/v1%5c'),
    path.replace('/v1/', '//v1//'),
    `/auth${path}`,
    `${path}/`,
    `${path};x`,
    `${path}%00`,
    `${path}%20`,
    path.toUpperCase()
  ]
}

/** Sends a request line as it is and returns the whole answer. */
async function askRaw(port: number, target: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  // A refusal may reset the connection; what was answered before counts.
  socket.on('error', () => {})
  socket.write(`GET ${target} HTTP/1.1\r\nHost: gatehouse.test\r\nConnection: close\r\n\r\n`)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

/** Random spellings of protected paths, the same ones for a seed. */
function spellings(seed: number, count: number): string[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => {
    let target: string = pick(random, PROTECTED)
    const twists = 1 + Math.floor(random() * 3)
    for (let i = 0; i < twists; i++) target = pick(random, TWISTS)(target, random)
    // Otherwise it would be a part of the host.
    return /^[/\\]/.test(target) ? target : `/${target}`
  })
}

type Twist = (target: string, random: Random) => string

const somewhere = (target: string, random: Random, pattern: RegExp, replace: (found: string) => string) =>
  target.replaceAll(pattern, found => (random() < 0.3 ? replace(found) : found))

const escapeAll = (text: string) => text.replace(/./gs, one => `%${one.charCodeAt(0).toString(16).padStart(2, '0')}`)

const TWISTS: readonly [Twist, ...Twist[]] = [
  (target, random) => somewhere(target, random, /[a-z0-9-]/g, escapeAll),
  (target, random) => somewhere(target, random, /[a-z0-9-]/g, one => escapeAll(one).toUpperCase()),
  (target, random) => somewhere(target, random, /[a-z0-9]/g, one => escapeAll(escapeAll(one))),
  (target, random) => somewhere(target, random, /[a-z0-9]/g, one => `%25${escapeAll(one).slice(1)}`),
  (target, random) => somewhere(target, random, /[a-z]/g, one => one.toUpperCase()),
  (target, random) => somewhere(target, random, /\//g, () => '//'),
  (target, random) => somewhere(target, random, /\//g, () => '/./'),
  (target, random) => somewhere(target, random, /\//g, () => '/x/../'),
  (target, random) => somewhere(target, random, /\//g, () => '/%2e/'),
  (target, random) => somewhere(target, random, /\//g, () => '/x/.%2E/'),
  (target, random) => somewhere(target, random, /\//g, () => '/..;/'),
  (target, random) => somewhere(target, random, /\//g, () => '\\'),
  (target, random) => somewhere(target, random, /\//g, () => '%2f'),
  (target, random) => somewhere(target, random, /\/(?=.)/g, () => '/;x/'),
  (target, random) => somewhere(target, random, /[a-z]/g, one => `${one}\t`),
  (target, random) => somewhere(target, random, /[a-z]/g, one => `${one}%00`),
  (target, random) => somewhere(target, random, /s|k/g, one => (one === 's' ? 'ſ' : 'K')),
  (target, random) => somewhere(target, random, /[a-z]/g, one => String.fromCharCode(one.charCodeAt(0) + 0xfee0)),
  (target, random) =>
    target + pick(random, ['/', '//', '/.', '/..', '/../me', ';x', ';', '?', '?x=/', '#', '%20', '.json', '%', '/x']),
  (target, random) =>
    pick(random, ['/.', '/', '/x/..', '/health/..', '/api/v1/auth/login/../../../..', '/%2e']) + target
]
