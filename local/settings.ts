/** The settings of a local system: those of the environment, completed with the parts on this machine. */

import { EDGE_SETTING_NAMES, parseEdgeSettings } from '../edge/settings.ts'
import { type Config, loadConfig } from '../server/config.ts'
import { ConfigError } from '../server/lib/settings/settings-reader.ts'
import type { LocalSecrets } from './secrets.ts'

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>

/** Where the parts on this machine listen. */
export interface LocalParts {
  readonly database: string
  readonly redis: { readonly url: string; readonly token: string }
  readonly smtpUrl: string
  readonly edge: string
}

/** The environment of an origin: the given variables, and the local parts for the rest. */
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

/** Placeholders for the parts while only the environment is checked. */
const SOMEWHERE = 'http://127.0.0.1:1'
const NO_PARTS: LocalParts = {
  database: 'postgres://127.0.0.1/nothing',
  redis: { url: SOMEWHERE, token: 'none' },
  smtpUrl: 'smtp://127.0.0.1',
  edge: SOMEWHERE
}

/** Settings that belong together: `given` requires `needed`. */
const REQUIRED_TOGETHER = [
  { needed: 'UPSTASH_REDIS_REST_TOKEN', given: 'UPSTASH_REDIS_REST_URL' },
  { needed: 'DATABASE_URL', given: 'MIGRATION_DATABASE_URL' }
] as const

/** Checks the environment before anything is started. @throws {ConfigError} */
export function checkSettings(env: Env, secrets: LocalSecrets): Config {
  for (const { needed, given } of REQUIRED_TOGETHER) {
    if (env[given] !== undefined && env[needed] === undefined)
      throw new ConfigError(`${given} is set without ${needed}: set both, or neither`)
  }
  const settings = originSettings(env, secrets, NO_PARTS)
  const config = loadWithHint(settings)
  const edge = parseEdgeSettings(edgeBindings(settings, SOMEWHERE))
  if (!edge.ok) throw new ConfigError(`The settings of the edge are invalid: ${edge.reason}`)
  return config
}

/** Loads the settings. Adds a hint to errors if NODE_ENV demands the rules of production, perhaps by accident. */
function loadWithHint(settings: Readonly<Record<string, string>>): Config {
  try {
    return loadConfig(settings)
  } catch (error) {
    const isLocal = settings.NODE_ENV === 'development' || settings.NODE_ENV === 'test'
    if (isLocal || !(error instanceof ConfigError)) throw error
    const hint = `NODE_ENV is "${settings.NODE_ENV}", so the rules of production apply. Unset it to use the defaults for development.`
    throw new ConfigError(`${error.message}\n${hint}`)
  }
}
