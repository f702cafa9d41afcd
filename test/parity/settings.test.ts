/** Edge and origin read their shared settings by one grammar: both read a value alike, or both refuse it. */

import t from 'tap'
import { SHARED_SETTINGS, type SharedSettingName } from '../../edge/contract/shared-settings.ts'
import { type EdgeSettings, parseEdgeSettings } from '../../edge/settings.ts'
import { type Config, loadConfig } from '../../server/config.ts'

const SECRET = 's'.repeat(32)
const ORIGIN = {
  PUBLIC_URL: 'https://auth.example.com',
  DATABASE_URL: 'postgres://a@b/c',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  ROOT_SECRETS: SECRET,
  EDGE_SECRET: SECRET,
  SMTP_URL: 'smtp://mail.example.com',
  ALLOWED_ORIGINS: 'none'
}
const EDGE = { ...ORIGIN, ORIGIN_URL: 'https://origin.example.com' }

/** Where each side stores its settings. */
const PLACES: Readonly<Record<SharedSettingName, readonly [keyof Config, keyof EdgeSettings]>> = {
  PUBLIC_URL: ['publicUrl', 'publicUrl'],
  API_PREFIX: ['apiPrefix', 'apiPrefix'],
  ALLOWED_ORIGINS: ['allowedOrigins', 'allowedOrigins'],
  EDGE_SECRET: ['edgeSecret', 'edgeSecret'],
  TOKEN_AUDIENCE: ['tokenAudience', 'tokenAudience'],
  ACCESS_TOKEN_TTL: ['accessTokenTtl', 'accessTokenTtlSeconds'],
  UPSTASH_REDIS_REST_URL: ['redisUrl', 'redisUrl'],
  UPSTASH_REDIS_REST_TOKEN: ['redisToken', 'redisToken'],
  REDIS_NAMESPACE: ['redisNamespace', 'redisNamespace']
}

/** Valid values of each setting, and invalid ones that are similar. */
const ODD: Readonly<Record<SharedSettingName, readonly string[]>> = {
  PUBLIC_URL: [
    'https://a.example',
    'https://a.example/',
    'https://a.example//',
    'https://a.example/auth',
    'https://A.example',
    'https://a.example:443',
    'https://a.example:8443',
    'https://a.example?b',
    'https://a.example#b',
    'https://u:p@a.example',
    'https://[::1]',
    'https://ä.example',
    'http://a.example',
    'http://localhost:8787',
    'ftp://a.example'
  ],
  API_PREFIX: ['/api', '/v2/auth-api', '/', '/api/', 'api', '//api', '/API', '/a b', '/a%20b', '/../x', '/a_b', '/*'],
  ALLOWED_ORIGINS: [
    'none',
    'none,https://a.example',
    'https://a.example, http://localhost:5173',
    'https://a.example,',
    ',',
    '*',
    'null',
    'https://a.example/',
    'https://A.example',
    'https://a.example https://b.example'
  ],
  EDGE_SECRET: [
    SECRET,
    'x'.repeat(31),
    'ä'.repeat(16),
    ` ${SECRET}`,
    `${SECRET}\n`,
    `${SECRET} ${SECRET}`,
    ' '.repeat(40)
  ],
  TOKEN_AUDIENCE: ['an audience', 'urn:x', ' a', 'a\n', 'a\u0000b', '\ud800', 'ä', '💚'],
  ACCESS_TOKEN_TTL: [
    '1',
    '60',
    '0',
    '060',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    '٣',
    '345600000',
    '345600001',
    '999999999',
    '9999999999999',
    'NaN',
    'Infinity',
    '15m'
  ],
  UPSTASH_REDIS_REST_URL: [
    'https://r.example',
    'https://r.example/',
    'https://r.example/path/',
    'http://127.0.0.1:8079',
    'https://r.example?a=b',
    'https://r.example#a',
    'https://u:p@r.example',
    'https://',
    'https://[',
    'http:///a',
    'http://a:99999',
    'redis://r.example',
    'https://a, https://b'
  ],
  UPSTASH_REDIS_REST_TOKEN: ['token', 'a token', ' token', 'token\n', 'tökén', 'a\u0000b', '\t'],
  REDIS_NAMESPACE: ['staging', 'a.b_c-1', 'a:b', '{a}', 'a b', 'ä', 'x'.repeat(64), 'x'.repeat(65), '*', '__proto__']
}

const EVERYWHERE = [
  '',
  ' ',
  '__proto__',
  'undefined',
  'null',
  '\ud800',
  '\u0000',
  '\n',
  'true',
  '7',
  'x'.repeat(100_000)
]

function atOrigin(env: Readonly<Record<string, string>>): Config | undefined {
  try {
    return loadConfig(env)
  } catch {
    return undefined
  }
}

function atEdge(env: Readonly<Record<string, string>>): EdgeSettings | undefined {
  const parsed = parseEdgeSettings(env)
  return parsed.ok ? parsed.value : undefined
}

t.test('both sides accept a value with the same meaning, or both refuse it', async t => {
  for (const name of Object.keys(SHARED_SETTINGS) as SharedSettingName[]) {
    let taken = 0
    const [originPlace, edgePlace] = PLACES[name]
    for (const value of [...ODD[name], ...EVERYWHERE]) {
      const origin = atOrigin({ ...ORIGIN, [name]: value })?.[originPlace]
      const edge = atEdge({ ...EDGE, [name]: value })?.[edgePlace]
      if (origin !== undefined) taken++
      t.strictSame(edge, origin, `${name}=${JSON.stringify(value).slice(0, 60)}`)
    }
    t.ok(taken > 0 && taken < ODD[name].length + EVERYWHERE.length, `${name}: some are taken, and some are not`)
  }
})

t.test('a value that is accepted outside of production is accepted by a local edge', async t => {
  for (const PUBLIC_URL of ODD.PUBLIC_URL) {
    const origin = atOrigin({ ...ORIGIN, NODE_ENV: 'development', PUBLIC_URL })
    const edge = atEdge({ ...EDGE, FALLBACK_CLIENT_ADDRESS: '127.0.0.1', PUBLIC_URL })
    t.equal(edge?.publicUrl, origin?.publicUrl, PUBLIC_URL)
  }
})

t.test('the defaults are the same', async t => {
  const [origin, edge] = [atOrigin(ORIGIN), atEdge(EDGE)]
  for (const [originPlace, edgePlace] of Object.values(PLACES)) t.strictSame(edge?.[edgePlace], origin?.[originPlace])
})
