/** The settings of a local system: what the environment says, filled in with what this machine has. */

import { EDGE_SETTING_NAMES, parseEdgeSettings } from '../edge/settings.ts'
import { type Config, loadConfig } from '../server/config.ts'
import { ConfigError } from '../server/lib/settings/settings-reader.ts'
import type { LocalSecrets } from './secrets.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** What was opened on this machine. */
export interface LocalParts {
  readonly database: string
  readonly redis: { readonly url: string; readonly token: string }
  readonly smtpUrl: string
  readonly edge: string
}

/** The environment of an origin: what the caller gave, and what this machine has for the rest. */
export function originSettings(env: Env, secrets: LocalSecrets, parts: LocalParts): Record<string, string> {
  const given = Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return {
    NODE_ENV: 'development',
    LOG_LEVEL: 'warn',
    PUBLIC_URL: parts.edge,
    DATABASE_URL: parts.database,
    UPSTASH_REDIS_REST_URL: parts.redis.url,
    UPSTASH_REDIS_REST_TOKEN: parts.redis.token,
    ROOT_SECRETS: secrets.rootSecret,
    EDGE_SECRET: secrets.edgeSecret,
    SMTP_URL: parts.smtpUrl,
    ...Object.fromEntries(given)
  }
}

/** The bindings of the edge, from the settings of the origin. */
export function edgeBindings(settings: Readonly<Record<string, string>>, originUrl: string): Record<string, string> {
  const given = EDGE_SETTING_NAMES.flatMap(name => {
    const value = settings[name]
    return value === undefined ? [] : [[name, value]]
  })
  return { ORIGIN_URL: originUrl, FALLBACK_CLIENT_ADDRESS: '127.0.0.1', ...Object.fromEntries(given) }
}

/** Stands in for the parts while only the environment is checked. */
const SOMEWHERE = 'http://127.0.0.1:1'
const NO_PARTS: LocalParts = {
  database: 'postgres://127.0.0.1/nothing',
  redis: { url: SOMEWHERE, token: 'none' },
  smtpUrl: 'smtp://127.0.0.1',
  edge: SOMEWHERE
}

/** Pairs of settings: the second describes an engine of the operator, which the first has to name too. */
const PAIRS = [
  ['UPSTASH_REDIS_REST_TOKEN', 'UPSTASH_REDIS_REST_URL'],
  ['DATABASE_URL', 'MIGRATION_DATABASE_URL']
] as const

/** Says what is wrong with the environment before anything is started. @throws {ConfigError} */
export function checkSettings(env: Env, secrets: LocalSecrets): Config {
  for (const [needed, given] of PAIRS) {
    if (env[given] !== undefined && env[needed] === undefined)
      throw new ConfigError(`${given} is set without ${needed}: set both, or neither`)
  }
  const settings = originSettings(env, secrets, NO_PARTS)
  const config = strictly(settings)
  const edge = parseEdgeSettings(edgeBindings(settings, SOMEWHERE))
  if (!edge.ok) throw new ConfigError(`The settings of the edge are wrong: ${edge.reason}`)
  return config
}

/** Adds a hint: a shell with NODE_ENV=production was likely set up for another program. */
function strictly(settings: Readonly<Record<string, string>>): Config {
  try {
    return loadConfig(settings)
  } catch (error) {
    const isLocal = settings.NODE_ENV === 'development' || settings.NODE_ENV === 'test'
    if (isLocal || !(error instanceof ConfigError)) throw error
    const hint = `NODE_ENV is "${settings.NODE_ENV}", so the rules of production hold. Without it, the defaults are enough.`
    throw new ConfigError(`${error.message}\n${hint}`)
  }
}
