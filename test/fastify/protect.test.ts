/**
 * A service that knows only the key URL of a real origin: the tokens that it accepts, and its other answers.
 *
 * Over 200 lines: one rule for each test, all over one pair of origins, the last over two versions of Fastify.
 */

import Fastify from 'fastify'
import postgres from 'postgres'
import t from 'tap'
import { type GatehouseOptions, gatehouse } from '../../fastify/index.ts'
import { call, PASSWORD, signUp } from '../lib/person.ts'
import type { Teardown } from '../lib/test-engines.ts'
import { openTestOrigin, TEST_SETTINGS } from '../lib/test-origin.ts'
import { claimsOf, generateSigner, issueToken } from '../lib/token-forge.ts'
import { until } from '../lib/until.ts'
import { requestText, sendRaw } from '../server/http/subject.ts'
import { openIssuerFront } from './issuer-front.ts'

const ISSUER = TEST_SETTINGS.PUBLIC_URL

const here = await openTestOrigin(t)
const there = await openTestOrigin(t)
const person = await signUp(here.url, here.mailbox)
const afterRotation = await signUp(there.url, there.mailbox)
const admin = await signUpAdmin()

/** A service with one route for every user and one for administrators. */
async function openService(
  t: Teardown,
  jwksUrl: string,
  more: Partial<GatehouseOptions> = {},
  create: typeof Fastify = Fastify
) {
  const log: { readonly level: number; readonly [field: string]: unknown }[] = []
  const app = create({ logger: { level: 'warn', stream: { write: line => log.push(JSON.parse(line)) } } })
  t.teardown(() => app.close())
  await app.register(gatehouse, { issuer: ISSUER, audience: ISSUER, jwksUrl, ...more })
  app.get('/mine', { onRequest: app.authenticate }, async request => request.user)
  app.get('/reports', { onRequest: app.requireRole('admin') }, async request => request.user.role)
  app.get('/open', async () => 'open')
  app.get('/forgetful', async request => request.user.sub)
  return {
    app,
    log,
    get: async (url: string, token?: string) => {
      const answer = await app.inject({ url, ...(token && { headers: { authorization: `Bearer ${token}` } }) })
      return { status: answer.statusCode, headers: answer.headers, body: bodyOf(answer.payload) }
    }
  }
}

t.test('a route accepts a token of the origin, and its claims are in request.user', async t => {
  const { get } = await openService(t, `${here.url}/.well-known/jwks.json`)
  const { status, body } = await get('/mine', person.accessToken)
  t.equal(status, 200)
  t.match(body, { sub: person.userId, email: person.email, role: 'user', iss: ISSUER })
  t.equal((await get('/open')).status, 200, 'a route without a hook stays open')
})

t.test('a refusal is the same problem as at the origin', async t => {
  const jwksUrl = `${here.url}/.well-known/jwks.json`
  const { get } = await openService(t, jwksUrl)
  const late = await openService(t, jwksUrl, { nowMs: () => Date.now() + 3_600_000 })
  const forged = issueToken(
    generateSigner('ES256'),
    claimsOf({ issuer: ISSUER, audience: ISSUER, nowSeconds: nowSeconds() })
  )
  const table = [
    ['token-missing', 401, 'Bearer', await get('/mine')],
    ['token-invalid', 401, 'Bearer error="invalid_token"', await get('/mine', 'garbage')],
    ['token-invalid', 401, 'Bearer error="invalid_token"', await get('/mine', forged)],
    ['token-expired', 401, 'Bearer error="invalid_token"', await late.get('/mine', person.accessToken)],
    ['forbidden', 403, undefined, await get('/reports', person.accessToken)],
    ['token-missing', 401, 'Bearer', await get('/reports')]
  ] as const
  for (const [code, status, challenge, answer] of table) {
    t.equal(answer.status, status, code)
    t.match(answer.body, { type: `${ISSUER}/problems/${code}`, code, status })
    t.match(answer.headers, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    t.equal(answer.headers['www-authenticate'], challenge)
  }
  const origin = await call(here.url, 'GET', '/api/v1/users/me')
  t.strictSame({ ...table[0][3].body, requestId: '' }, { ...origin.body, requestId: '' }, 'member for member')
})

t.test('a token for another audience is refused', async t => {
  const { get } = await openService(t, `${here.url}/.well-known/jwks.json`, { audience: 'https://other.example' })
  t.match(await get('/mine', person.accessToken), { status: 401, body: { code: 'token-invalid' } })
  const any = await openService(t, `${here.url}/.well-known/jwks.json`, { audience: null })
  t.equal((await any.get('/mine', person.accessToken)).status, 200, 'null accepts any, and says so aloud')
})

t.test('requireRole() accepts the named role, with or without authenticate before it', async t => {
  const { app, get } = await openService(t, `${here.url}/.well-known/jwks.json`)
  app.get('/either', { onRequest: [app.authenticate, app.requireRole('user', 'admin')] }, async () => 'in')
  t.equal((await get('/reports', admin)).status, 200)
  t.equal((await get('/either', admin)).status, 200)
  t.equal((await get('/either', person.accessToken)).status, 200)
})

t.test('an unknown kid is refused, without a download for each request', async t => {
  const front = await openIssuerFront(t, here.url)
  const { get } = await openService(t, front.jwksUrl)
  t.equal((await get('/mine', person.accessToken)).status, 200)
  for (let round = 0; round < 20; round += 1) {
    t.match(await get('/mine', afterRotation.accessToken), { status: 401, body: { code: 'token-invalid' } })
  }
  t.equal(front.downloads, 1, 'within the cool-down')
})

t.test('a rotated key is found after the cool-down, and the old one is gone with it', async t => {
  const front = await openIssuerFront(t, here.url)
  let aheadMs = 0
  const { get } = await openService(t, front.jwksUrl, { nowMs: () => Date.now() + aheadMs })
  t.equal((await get('/mine', person.accessToken)).status, 200)

  front.origin = there.url
  aheadMs = 31_000
  t.equal((await get('/mine', afterRotation.accessToken)).status, 200)
  t.equal((await get('/mine', person.accessToken)).status, 401)
})

t.test('stale keys are used while they are renewed, and afterwards if that fails', async t => {
  const front = await openIssuerFront(t, here.url)
  let aheadMs = 0
  const { get } = await openService(t, front.jwksUrl, { nowMs: () => Date.now() + aheadMs })
  t.equal((await get('/mine', person.accessToken)).status, 200)

  front.origin = undefined
  aheadMs = 301_000
  t.equal((await get('/mine', person.accessToken)).status, 200, 'the issuer is down')
  await until('the keys are asked for behind the request', () => front.downloads > 1)

  front.origin = there.url
  aheadMs += 31_000
  t.equal((await get('/mine', person.accessToken)).status, 200, 'served before the answer is there')
  await until('the renewed keys arrive', async () => (await get('/mine', person.accessToken)).status === 401)
})

t.test('without any loaded key every protected route answers 503, and recovers by itself', async t => {
  const front = await openIssuerFront(t)
  const { get } = await openService(t, front.jwksUrl)
  for (const path of ['/mine', '/reports']) {
    const { status, headers, body } = await get(path, admin)
    t.equal(status, 503)
    t.equal(headers['retry-after'], '1')
    t.match(body, { code: 'unavailable' })
  }
  t.equal((await get('/open')).status, 200, 'what needs no token is served')

  front.origin = here.url
  await until('the keys are loaded', async () => (await get('/mine', person.accessToken)).status === 200)
})

t.test('mistakes in the service throw at once', async t => {
  const { app, get } = await openService(t, `${here.url}/.well-known/jwks.json`)
  t.equal((await get('/forgetful', person.accessToken)).status, 500, 'request.user without a hook')
  t.throws(() => app.requireRole('root' as 'admin'), /expected "user" or "admin", found "root"/)
  t.throws(() => (app.requireRole as () => unknown)(), /expected "user" or "admin", found no role/)
  await t.rejects(openService(t, 'not a URL'), /expected an https URL/)
  await t.rejects(openService(t, 'https://x', { audience: '' }), /"audience"/)
})

t.test('an option that is missing, unknown or invalid is named, and the service does not start', async t => {
  const good = { issuer: ISSUER, audience: ISSUER, jwksUrl: 'https://auth.example.com/.well-known/jwks.json' }
  const register = async (options: object) => {
    await Fastify().register(gatehouse, options as GatehouseOptions)
  }
  for (const name of ['issuer', 'audience', 'jwksUrl']) {
    await t.rejects(register({ ...good, [name]: undefined }), { message: `the option "${name}" is missing` }, name)
  }
  await t.rejects(register({}), /the option "issuer" is missing/)
  for (const name of ['jwksUri', 'algorithms', 'maxLifeSeconds', 'audiences']) {
    await t.rejects(register({ ...good, [name]: 1 }), { message: `"${name}" is not an option` }, name)
  }
  for (const maxTokenLifeSeconds of [0, -1, 1.5, Number.NaN, '900', null]) {
    await t.rejects(register({ ...good, maxTokenLifeSeconds }), /"maxTokenLifeSeconds" must be/)
  }
  for (const jwksUrl of ['http://auth.example.com/.well-known/jwks.json', 'http://10.0.0.1/jwks.json', '', 1, null]) {
    await t.rejects(
      register({ ...good, jwksUrl }),
      /expected an https URL, or an http one on loopback/,
      String(jwksUrl)
    )
  }
  await t.resolves(register({ ...good, logLevel: 'warn', prefix: '/x' }), "Fastify's own options are not ours")
})

/** The oldest and the newest supported Fastify. The oldest has its own types, which agree as far as used here. */
const FASTIFIES = { oldest: (await import('fastify-5.0')).default as unknown as typeof Fastify, newest: Fastify }

for (const [age, create] of Object.entries(FASTIFIES)) {
  t.test(`the ${age} supported Fastify: routes are protected, and roles kept apart`, async t => {
    const { app, get } = await openService(t, `${here.url}/.well-known/jwks.json`, {}, create)
    if (age === 'oldest') t.equal(app.version, '5.0.0')
    t.equal((await get('/open')).status, 200)
    t.match(await get('/mine', person.accessToken), { status: 200, body: { sub: person.userId } })
    t.match(await get('/mine'), { status: 401, body: { code: 'token-missing' } })
    t.match(await get('/reports', person.accessToken), { status: 403, body: { code: 'forbidden' } })
    t.equal((await get('/reports', admin)).status, 200)
    t.equal((await get('/forgetful')).status, 500)
  })

  t.test(`the ${age} supported Fastify: two Authorization headers are invalid, the same or not`, async t => {
    const { app } = await openService(t, `${here.url}/.well-known/jwks.json`, {}, create)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const good = `Authorization: Bearer ${person.accessToken}`
    t.equal((await sendRaw(url, requestText('GET', '/mine', { headers: [good] }))).status, 200)
    for (const second of [good, 'authorization: Bearer x', 'AUTHORIZATION: Basic eDp5', 'Authorization:']) {
      for (const headers of [
        [good, second],
        [second, good]
      ]) {
        const answer = await sendRaw(url, requestText('GET', '/mine', { headers }))
        t.equal(answer.status, 401, second.slice(0, 24))
        t.match(answer.body, /"code":"token-invalid"/)
      }
    }
  })

  t.test(`the ${age} supported Fastify: a service with wrong options logs a warning`, async t => {
    const jwksUrl = `${here.url}/.well-known/jwks.json`
    const wrong = [
      [{ issuer: `${ISSUER}/` }, { claim: 'iss', expected: `${ISSUER}/`, found: ISSUER, msg: /"issuer"/ }],
      [{ audience: 'https://x' }, { claim: 'aud', expected: 'https://x', found: ISSUER, msg: /"audience"/ }],
      [{ maxTokenLifeSeconds: 60 }, { claim: 'life', expected: '1 to 60', found: '900', msg: /"maxTokenLifeSeconds"/ }]
    ] as const
    for (const [options, line] of wrong) {
      const { get, log } = await openService(t, jwksUrl, options, create)
      const [header, payload] = person.accessToken.split('.')
      for (const forged of [`${header}.${payload}.`, `${header}.${payload}.${'A'.repeat(86)}`, 'x'])
        t.equal((await get('/mine', forged)).status, 401)
      t.strictSame(log, [], 'a forgery is not logged')
      for (let round = 0; round < 3; round += 1) t.equal((await get('/mine', person.accessToken)).status, 401)
      t.equal(log.length, 1, 'once')
      t.match(log[0], { level: 40, ...line })
      t.notMatch(JSON.stringify(log), payload ?? '', 'and no token')
    }
  })
}

async function signUpAdmin(): Promise<string> {
  const { email } = await signUp(here.url, here.mailbox)
  const sql = postgres(here.databaseUrl, { max: 1 })
  await sql`update users set role = 'admin' where email = ${email}`
  await sql.end()
  const { body } = await call(here.url, 'POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } })
  return body.accessToken
}

function bodyOf(payload: string) {
  return payload.startsWith('{') ? JSON.parse(payload) : payload
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
