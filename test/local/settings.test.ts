/** `npm run dev` hands every setting of `.env.example` to the process that it is for. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { checkSettings, edgeBindings, type LocalParts, originSettings } from '../../local/settings.ts'
import { openStack } from '../../local/stack.ts'
import { ConfigError } from '../../server/lib/settings/settings-reader.ts'
import { askedSettings, exampleSettings } from '../lib/example-settings.ts'
import { call } from '../lib/person.ts'
import { temporaryDir } from '../lib/test-engines.ts'

const SECRETS = { rootSecret: 'r'.repeat(32), edgeSecret: 'e'.repeat(32), redisToken: 'a token' }
const PARTS: LocalParts = {
  database: 'postgres://127.0.0.1/here',
  redis: { url: 'http://127.0.0.1:1', token: 'a token' },
  smtpUrl: 'smtp://127.0.0.1',
  edge: 'http://localhost:8787'
}

t.test('every setting of .env.example reaches the process that reads it, unchanged', async t => {
  const { origin, edge } = askedSettings()
  for (const name of (await exampleSettings()).keys()) {
    for (const value of [`a value of ${name}`, '']) {
      const settings = originSettings({ [name]: value }, SECRETS, PARTS)
      const bindings = edgeBindings(settings, 'http://127.0.0.1:3000')
      t.ok(origin.has(name) || edge.has(name), `${name} has a process that asks for it`)
      if (origin.has(name)) t.equal(settings[name], value, `${name} reaches the origin`)
      if (edge.has(name)) t.equal(bindings[name], value, `${name} reaches the edge`)
    }
  }
})

t.test('without settings, each process gets the local parts', async t => {
  const settings = originSettings({}, SECRETS, PARTS)
  t.doesNotThrow(() => checkSettings({}, SECRETS))
  t.match(settings, { NODE_ENV: 'development', PUBLIC_URL: PARTS.edge, DATABASE_URL: PARTS.database })
  t.match(edgeBindings(settings, 'http://127.0.0.1:3000'), {
    PUBLIC_URL: PARTS.edge,
    ORIGIN_URL: 'http://127.0.0.1:3000',
    FALLBACK_CLIENT_ADDRESS: '127.0.0.1'
  })
})

t.test('invalid combinations of settings are refused before anything is started', async t => {
  const table: readonly [Record<string, string>, RegExp][] = [
    [{ UPSTASH_REDIS_REST_URL: 'https://redis.example.com' }, /without UPSTASH_REDIS_REST_TOKEN/],
    [{ MIGRATION_DATABASE_URL: 'postgres://a@b/c' }, /without DATABASE_URL/],
    [
      { NODE_ENV: 'production' },
      /PUBLIC_URL is malformed.*NODE_ENV is "production", so the rules of production apply/s
    ],
    [{ DEBUG_HEADERS: 'yes' }, /DEBUG_HEADERS must be/],
    [{ JWKS: '{}' }, /JWKS must be/],
    [{ ALLOWED_ORIGINS: '*' }, /ALLOWED_ORIGINS is malformed/]
  ]
  for (const [env, expected] of table) {
    t.throws(() => checkSettings(env, SECRETS), { constructor: ConfigError, message: expected }, JSON.stringify(env))
  }
})

t.test('settings of origin, edge and engines take effect in a running system', async t => {
  const dir = await temporaryDir(t)
  const stack = await openStack({
    dataDir: join(dir, 'data'),
    port: 0,
    env: {
      LOG_LEVEL: 'silent',
      BCRYPT_COST: '4',
      HOST: '0.0.0.0',
      API_PREFIX: '/v7/auth-api',
      PUBLIC_URL: 'http://issuer.localhost',
      EMAIL_VERIFICATION: 'optional',
      UPSTASH_REDIS_REST_TOKEN: 'a token of ours',
      REDIS_NAMESPACE: 'dev',
      DEBUG_HEADERS: 'true',
      REVOCATION_MAX_AGE_MS: '700',
      FALLBACK_CLIENT_ADDRESS: '192.0.2.77',
      EDGE_QUOTA_ADDRESS: '7/60'
    },
    log: () => {}
  })
  t.teardown(() => stack.close())
  t.equal(stack.redisRestToken, 'a token of ours')
  const body = { email: 'ada@example.com', password: 'Correct-horse-7', name: 'Ada' }
  const registered = await call(stack.edge, 'POST', '/v7/auth-api/auth/register', { body })
  t.equal(registered.status, 201, 'API_PREFIX')
  t.match(registered.headers.get('ratelimit-policy'), /"address";q=7;w=61/, 'EDGE_QUOTA_ADDRESS')
  const { accessToken: token } = registered.body
  const claims = await call(stack.edge, 'GET', '/v7/auth-api/auth/verify-token', { token })
  t.equal(claims.body.claims.iss, 'http://issuer.localhost', 'PUBLIC_URL')
  t.ok(claims.headers.get('x-auth-revocation-age'), 'DEBUG_HEADERS')
  const { body: list } = await call(stack.edge, 'GET', '/v7/auth-api/auth/sessions', { token })
  t.equal(list.sessions[0].ipAddress, '192.0.2.77', 'FALLBACK_CLIENT_ADDRESS')
  const keys = await call(stack.redisRestUrl, 'POST', '/', { body: ['KEYS', '*'], token: 'a token of ours' })
  t.notOk(
    keys.body.result.some((key: string) => !key.startsWith('dev:gatehouse:')),
    'REDIS_NAMESPACE'
  )
  const bindings = await readFile(join(dir, 'data', 'edge', 'config.capnp'), 'utf8')
  t.match(bindings, '(name = "REVOCATION_MAX_AGE_MS", text = "700")')
  t.match(await readFile(join(dir, 'data', 'origin.env'), 'utf8'), 'REDIS_NAMESPACE="dev"', 'and the command line')
})
