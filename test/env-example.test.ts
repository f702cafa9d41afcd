/** `.env.example` holds every setting that the code reads, with its real default. */

import t from 'tap'
import { EDGE_SETTING_NAMES } from '../edge/settings.ts'
import { askedSettings, exampleSettings } from './lib/example-settings.ts'

t.test('.env.example names every setting of origin and edge, and no other', async t => {
  const { origin, edge } = askedSettings()
  const settings = await exampleSettings()
  t.ok(origin.size > 40, 'the names are found')
  t.strictSame([...settings.keys()].sort(), [...new Set([...origin, ...edge])].sort())
  t.strictSame([...edge].sort(), [...EDGE_SETTING_NAMES].sort(), 'a local run hands over all that the edge reads')
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
