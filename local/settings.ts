/** The settings of a local system: what the environment says, filled in with what this machine has. */

import { parseEdgeSettings } from '../edge/settings.ts'
import { loadConfig } from '../server/config.ts'
import { ConfigError } from '../server/lib/settings-reader.ts'
import type { LocalSecrets } from './secrets.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** What was opened on this machine. */
export interface LocalParts {
  readonly database: string
  readonly redis: { readonly url: string; readonly token: string }
  readonly smtpUrl: string
  readonly edge: string
}

/** The environment of an origin. What the caller gave applies, but for where the parts are. */
export function originSettings(env: Env, secrets: LocalSecrets, parts: LocalParts): Record<string, string> {
  const given = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return {
    LOG_LEVEL: 'warn',
    PUBLIC_URL: parts.edge,
    ROOT_SECRETS: secrets.rootSecret,
    EDGE_SECRET: secrets.edgeSecret,
    SMTP_URL: parts.smtpUrl,
    ...Object.fromEntries(given),
    // A shell that says "production" means somebody else's program: this one speaks http to itself.
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    DATABASE_URL: parts.database,
    UPSTASH_REDIS_REST_URL: parts.redis.url,
    UPSTASH_REDIS_REST_TOKEN: parts.redis.token
  }
}

/** What the edge shares with the origin, and what is its own. */
const EDGE_SETTINGS = [
  'PUBLIC_URL',
  'API_PREFIX',
  'ALLOWED_ORIGINS',
  'EDGE_SECRET',
  'TOKEN_AUDIENCE',
  'ACCESS_TOKEN_TTL',
  'UPSTASH_REDIS_REST_URL',
  'UPSTASH_REDIS_REST_TOKEN',
  'REDIS_NAMESPACE',
  'EDGE_QUOTA_ADDRESS',
  'EDGE_QUOTA_AUTH',
  'EDGE_QUOTA_USER'
]

/** The bindings of the edge, from the settings of the origin. */
export function edgeBindings(settings: Readonly<Record<string, string>>, originUrl: string): Record<string, string> {
  const shared = EDGE_SETTINGS.flatMap(name => {
    const value = settings[name]
    return value === undefined ? [] : [[name, value]]
  })
  return { ...Object.fromEntries(shared), ORIGIN_URL: originUrl, FALLBACK_CLIENT_ADDRESS: '127.0.0.1' }
}

/** Stands in for the parts while only the environment is checked. */
const SOMEWHERE = 'http://127.0.0.1:1'
const NO_PARTS: LocalParts = {
  database: 'postgres://127.0.0.1/nothing',
  redis: { url: SOMEWHERE, token: 'none' },
  smtpUrl: 'smtp://127.0.0.1',
  edge: SOMEWHERE
}

/** Says what is wrong with the environment before anything is started. @throws {ConfigError} */
export function checkSettings(env: Env, secrets: LocalSecrets): void {
  const settings = originSettings(env, secrets, NO_PARTS)
  loadConfig(settings)
  const edge = parseEdgeSettings(edgeBindings(settings, SOMEWHERE))
  if (!edge.ok) throw new ConfigError(`The settings of the edge are wrong: ${edge.reason}`)
}
