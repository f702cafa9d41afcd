/** Settings: each missing or malformed one is named once, values are never shown, and production is strict. */

import t from 'tap'
import { type Config, loadConfig } from '../../server/config.ts'
import { ConfigError } from '../../server/lib/settings/settings-reader.ts'

const SECRET = 'a secret that nobody must ever see in a message'

const PRODUCTION = {
  PUBLIC_URL: 'https://auth.example.com',
  DATABASE_URL: 'postgres://user:database-password@db.example.com/gatehouse',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
  UPSTASH_REDIS_REST_TOKEN: 'a redis token',
  ROOT_SECRETS: SECRET,
  EDGE_SECRET: SECRET,
  SMTP_URL: 'smtps://user:mail-password@mail.example.com',
  ALLOWED_ORIGINS: 'https://app.example.com'
}
const LOCAL = { ...PRODUCTION, NODE_ENV: 'development', PUBLIC_URL: 'http://localhost:8787' }

/** The error about invalid settings. Fails the test if every setting is valid. */
function complaint(env: Readonly<Record<string, string | undefined>>): string {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('loadConfig() found nothing wrong')
}

t.test('the required settings are enough for production, and give the documented defaults', async t => {
  const expected: Partial<Config> = {
    production: true,
    requireEdge: true,
    docs: false,
    apiPrefix: '/api/v1',
    tokenAudience: 'https://auth.example.com',
    tokenClientId: 'gatehouse',
    accessTokenTtl: 900,
    refreshGrace: 60,
    refreshIdleTtl: 604_800,
    sessionTtl: 86_400,
    rememberedSessionTtl: 2_592_000,
    emailVerification: 'required',
    passwordMinLength: 8,
    passwordClasses: ['upper', 'lower', 'digit', 'symbol'],
    bcryptCost: 12
  }
  t.match(loadConfig(PRODUCTION), expected)
  t.ok(Object.isFrozen(loadConfig(PRODUCTION)))
})

t.test('one message names every required setting', async t => {
  const message = complaint({})
  for (const name of Object.keys(PRODUCTION)) t.match(message, `${name} is missing`)
  const allButOne = complaint({ ...PRODUCTION, SMTP_URL: undefined })
  t.match(allButOne, 'SMTP_URL is missing')
  t.notMatch(allButOne, 'DATABASE_URL')
})

t.test('an empty required setting is a missing one', async t => {
  for (const name of Object.keys(PRODUCTION)) t.match(complaint({ ...PRODUCTION, [name]: '' }), `${name} is missing`)
})

t.test('malformed settings are named with their expected form, together with missing ones', async t => {
  const message = complaint({ ...PRODUCTION, PORT: '65536', SESSION_TTL: '1d', SMTP_URL: undefined })
  t.match(message, /PORT is malformed: expected a port/)
  t.match(message, /SESSION_TTL is malformed: expected whole seconds/)
  t.match(message, /SMTP_URL is missing/)
  t.match(message, /^3 settings/)
})

t.test('hostile values are malformed in every setting', async t => {
  const table: readonly [string, readonly string[]][] = [
    ['PORT', ['-1', '65536', '1e3', '0x10', ' 80', '80 ', 'NaN', 'Infinity', '٣']],
    ['LOG_LEVEL', ['loud', 'INFO', '__proto__']],
    ['PUBLIC_URL', ['http://auth.example.com', 'https://', 'https://a/b', 'https://u:p@a', 'https://a?b', 'a.example']],
    ['PUBLIC_URL', ['https://Auth.example.com', 'https://a.example:443', 'https://a.example//', 'https://a.example:x']],
    ['ALLOWED_ORIGINS', ['*', 'null', 'https://a.example/', 'https://A.example', 'https://a.example:443', 'a.example']],
    ['ALLOWED_ORIGINS', ['https://a.example,', 'https://a.example,null', 'https://a.example https://b.example']],
    ['API_PREFIX', ['api', '/', '/api/', '//api', '/API', '/a b', '/../x']],
    ['DATABASE_URL', ['mysql://a', 'postgres://', 'postgres://a b']],
    ['UPSTASH_REDIS_REST_URL', ['redis://a', 'https://']],
    ['ROOT_SECRETS', ['short', `${SECRET},short`, `${SECRET},`, `,${SECRET}`]],
    ['EDGE_SECRET', ['short', 'x'.repeat(31)]],
    ['REQUIRE_EDGE', ['yes', '1', 'TRUE', ' true']],
    ['DOCS', ['on']],
    [
      'SECURITY_CONTACT',
      ['security@example.com', 'http://example.com', 'mailto:', 'https://', 'mailto:a@b\nExpires: x']
    ],
    ['SECURITY_CONTACT', ['mailto:a b@c', 'javascript:alert(1)', 'mailto:ä@example.com', 'https://[']],
    ['SMTP_URL', ['mail.example.com', 'http://mail.example.com']],
    ['ACCESS_TOKEN_TTL', ['0', '-5', '15m', '1.5', '99999999999']],
    ['REFRESH_GRACE', ['-1', 'ten']],
    ['EMAIL_VERIFICATION', ['true', 'Required', 'toString']],
    ['PASSWORD_MIN_LENGTH', ['7', '65', '8.5']],
    ['PASSWORD_CLASSES', ['uppercase', 'upper,', 'upper,__proto__', 'constructor']],
    ['BCRYPT_COST', ['9', '17', 'x']],
    ['QUOTA_REGISTER', ['5', '0/60', '5/0', '5/60/1', '-5/60', '5 / 60']]
  ]
  for (const [name, values] of table) {
    for (const value of values) {
      t.match(complaint({ ...PRODUCTION, [name]: value }), `${name} is malformed`, `${name}=${value}`)
    }
  }
})

t.test('an unsupported parameter of a database URL is named', async t => {
  const url = `${PRODUCTION.DATABASE_URL}?sslmode=require&sslcert=a&nosuch=topsecret`
  const message = complaint({ ...PRODUCTION, DATABASE_URL: url, MIGRATION_DATABASE_URL: url })
  t.match(message, /- DATABASE_URL is malformed: its parameter "sslcert" is not supported.*"nosuch" is not supported/)
  t.match(message, '- MIGRATION_DATABASE_URL is malformed')
  t.notMatch(message, /topsecret|database-password/)
})

t.test('no message shows a value', async t => {
  const broken = Object.fromEntries(Object.entries(PRODUCTION).map(([name, value]) => [name, ` ${value} \n`]))
  const message = complaint({ ...broken, EDGE_SECRET: 'a-short-secret' })
  for (const value of [
    'database-password',
    'mail-password',
    'redis token',
    'a-short-secret',
    'example.com/gatehouse',
    'nobody must'
  ]) {
    t.notMatch(message, value)
  }
})

t.test('a missing or misspelt NODE_ENV means production', async t => {
  for (const NODE_ENV of [undefined, '', 'production', 'prod', 'Development', 'staging']) {
    t.match(complaint({ ...PRODUCTION, NODE_ENV, PUBLIC_URL: 'http://localhost:8787' }), 'PUBLIC_URL is malformed')
    t.ok(loadConfig({ ...PRODUCTION, NODE_ENV }).requireEdge)
  }
  t.match(loadConfig(LOCAL), { production: false, requireEdge: false, docs: true })
})

t.test('lists are read completely: secrets newest first, origins exactly', async t => {
  const config = loadConfig({
    ...PRODUCTION,
    ROOT_SECRETS: `${SECRET}-2, ${SECRET}-1`,
    ALLOWED_ORIGINS: 'https://a.example, http://localhost:3000'
  })
  t.strictSame(config.rootSecrets, [`${SECRET}-2`, `${SECRET}-1`])
  t.strictSame(config.allowedOrigins, ['https://a.example', 'http://localhost:3000'])
  t.strictSame(loadConfig({ ...PRODUCTION, ALLOWED_ORIGINS: 'none' }).allowedOrigins, [])
})

t.test('the public URL loses its last slash, and a policy without password classes is valid', async t => {
  const config = loadConfig({ ...PRODUCTION, PUBLIC_URL: 'https://auth.example.com/', PASSWORD_CLASSES: '' })
  t.equal(config.publicUrl, 'https://auth.example.com')
  t.strictSame(config.passwordClasses, [])
})
