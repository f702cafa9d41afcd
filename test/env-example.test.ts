/** `.env.example` is what the code reads: every setting, with its real default. */

import { readFile } from 'node:fs/promises'
import t from 'tap'

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

/** Names as the example has them; a line that is commented out is a setting without a default. */
async function exampleSettings(): Promise<Map<string, string | undefined>> {
  const lines = (await read('.env.example')).matchAll(/^(# )?([A-Z][A-Z0-9_]+)=(.*)$/gm)
  return new Map(
    [...lines].map(([, commented, name = '', value = '']) => [
      name,
      commented ? undefined : value.replace(/^"|"$/g, '')
    ])
  )
}

t.test('.env.example names every setting of the origin, and no other', async t => {
  const source = await read('server/config.ts')
  const names = [...source.matchAll(/(?:read\.(?:required|optional|maybe)|seconds|quota|count)\(\s*'([A-Z_]+)'/g)].map(
    match => match[1]
  )
  const edge = [...(await read('edge/settings.ts')).matchAll(/'([A-Z][A-Z_]{3,})'/g)].map(match => match[1])
  const quotas = ['EDGE_QUOTA_ADDRESS', 'EDGE_QUOTA_AUTH', 'EDGE_QUOTA_USER']
  const settings = await exampleSettings()
  t.ok(names.length > 30, 'the names are found')
  t.strictSame([...settings.keys()].sort(), [...new Set([...names, ...edge, ...quotas, 'NODE_ENV'])].sort())
})

t.test('.env.example states the defaults that hold in production', async t => {
  const { loadConfig } = await import('../server/config.ts')
  const required = {
    PUBLIC_URL: 'https://auth.example.com',
    ALLOWED_ORIGINS: 'none',
    DATABASE_URL: 'postgres://a@b/c',
    UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
    UPSTASH_REDIS_REST_TOKEN: 'token',
    ROOT_SECRETS: 'r'.repeat(32),
    EDGE_SECRET: 'e'.repeat(32),
    SMTP_URL: 'smtp://mail.example.com'
  }
  const defaults = Object.fromEntries([...(await exampleSettings())].filter(([, value]) => value !== undefined))
  t.strictSame(loadConfig({ ...required, ...defaults }), loadConfig(required))
})

t.test('.env.example states the defaults that hold at the edge', async t => {
  const { parseEdgeSettings } = await import('../edge/settings.ts')
  const required = {
    PUBLIC_URL: 'https://auth.example.com',
    ORIGIN_URL: 'https://origin.example.com',
    EDGE_SECRET: 'e'.repeat(32),
    UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
    UPSTASH_REDIS_REST_TOKEN: 'token'
  }
  const defaults = Object.fromEntries([...(await exampleSettings())].filter(([, value]) => value !== undefined))
  t.match(parseEdgeSettings(required), { ok: true })
  t.strictSame(parseEdgeSettings({ ...required, ...defaults }), parseEdgeSettings(required))
})
