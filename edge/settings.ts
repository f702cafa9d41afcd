/** The settings of the edge: parses environment bindings into checked values, or names every faulty setting. */

import { parseClientAddress } from './contract/client-address.ts'
import { type Parsed, parseFailure } from './contract/parsed.ts'
import { DEFAULT_EDGE_QUOTAS, type GatehouseQuotaName } from './contract/policies.ts'
import { parseQuotaPolicy } from './contract/quota-policy.ts'
import {
  MAX_SECONDS,
  parseBaseUrl,
  parseFlag,
  parseWholeNumber,
  type SettingForm,
  SHARED_SETTINGS,
  type SharedSetting,
  type SharedSettingName
} from './contract/shared-settings.ts'
import { REVOCATION_MAX_AGE_MS } from './revocation/lifetimes.ts'
import type { PublicJwk } from './verifier/public-jwk.ts'

/** The settings of the edge, checked. */
export interface EdgeSettings {
  readonly publicUrl: string
  readonly originUrl: string
  /** The time within which the origin must begin its answer. */
  readonly originDeadlineMs: number
  readonly jwksUrl: string
  /** Public keys to use instead of fetched ones; not checked yet. */
  readonly inlineKeys: readonly PublicJwk[] | undefined
  readonly edgeSecret: string
  readonly redisUrl: string
  readonly redisToken: string
  readonly redisNamespace: string
  readonly apiPrefix: string
  readonly tokenAudience: string
  readonly accessTokenTtlSeconds: number
  /** The maximal age of the knowledge of ended sessions. */
  readonly revocationMaxAgeMs: number
  readonly allowedOrigins: readonly string[]
  /** Limits of Gatehouse's own quotas, such as `300/60`. */
  readonly quotas: Readonly<Record<GatehouseQuotaName, string>>
  readonly debugHeaders: boolean
  /** The client address where the platform reports none; only a local run sets it. */
  readonly fallbackClientAddress: string | undefined
}

type Env = Readonly<Record<string, unknown>>

/** Reads settings and collects faults. A faulty setting reads as undefined, so that one error names all of them. */
interface Reader {
  /** Reads a setting that the origin has, too. @param fallback the default, where the grammar has none */
  shared<Name extends SharedSettingName>(name: Name, fallback?: string): SharedSetting<Name> | undefined
  own<T>(name: string, form: SettingForm<T>): T | undefined
  demand(fulfilled: boolean, name: string, expected: string): void
}

/** Every setting that the edge reads; a local run passes them on. */
export const EDGE_SETTING_NAMES = [
  ...(Object.keys(SHARED_SETTINGS) as SharedSettingName[]),
  'ORIGIN_URL',
  'ORIGIN_DEADLINE',
  'JWKS_URL',
  'JWKS',
  'REVOCATION_MAX_AGE_MS',
  'DEBUG_HEADERS',
  'EDGE_QUOTA_ADDRESS',
  'EDGE_QUOTA_AUTH',
  'EDGE_QUOTA_USER',
  'FALLBACK_CLIENT_ADDRESS'
] as const

const DEFAULT_ORIGIN_DEADLINE_SECONDS = 15

/** Parses the bindings of a Worker. Security: no default opens anything. */
export function parseEdgeSettings(env: Env): Parsed<EdgeSettings> {
  const wrong: string[] = []
  const settings = readAll(env, createReader(env, wrong))
  return wrong.length === 0 ? { ok: true, value: settings } : parseFailure(wrong.join('; '))
}

function readAll(env: Env, read: Reader): EdgeSettings {
  const publicUrl = read.shared('PUBLIC_URL') ?? ''
  const originUrl = read.own('ORIGIN_URL', urlForm()) ?? ''
  const isLocal = (env.FALLBACK_CLIENT_ADDRESS ?? undefined) !== undefined
  // As at the origin, which accepts http outside of production only.
  read.demand(publicUrl === '' || publicUrl.startsWith('https://') || isLocal, 'PUBLIC_URL', 'an https origin')
  const maxAge = wholeForm(0, REVOCATION_MAX_AGE_MS, REVOCATION_MAX_AGE_MS)

  return {
    publicUrl,
    originUrl,
    originDeadlineMs:
      (read.own('ORIGIN_DEADLINE', wholeForm(1, MAX_SECONDS, DEFAULT_ORIGIN_DEADLINE_SECONDS)) ?? 0) * 1000,
    edgeSecret: read.shared('EDGE_SECRET') ?? '',
    jwksUrl: read.own('JWKS_URL', urlForm(`${originUrl}/.well-known/jwks.json`)) ?? '',
    inlineKeys: env.JWKS === undefined ? undefined : read.own('JWKS', INLINE_KEYS),
    redisUrl: read.shared('UPSTASH_REDIS_REST_URL') ?? '',
    redisToken: read.shared('UPSTASH_REDIS_REST_TOKEN') ?? '',
    redisNamespace: read.shared('REDIS_NAMESPACE') ?? '',
    apiPrefix: read.shared('API_PREFIX') ?? '',
    tokenAudience: read.shared('TOKEN_AUDIENCE', publicUrl) ?? '',
    accessTokenTtlSeconds: read.shared('ACCESS_TOKEN_TTL') ?? 0,
    revocationMaxAgeMs: read.own('REVOCATION_MAX_AGE_MS', maxAge) ?? 0,
    allowedOrigins: read.shared('ALLOWED_ORIGINS', 'none') ?? [],
    quotas: { address: quota(read, 'address'), auth: quota(read, 'auth'), user: quota(read, 'user') },
    debugHeaders: read.own('DEBUG_HEADERS', FLAG) ?? false,
    fallbackClientAddress: isLocal ? read.own('FALLBACK_CLIENT_ADDRESS', ADDRESS) : undefined
  }
}

function createReader(env: Env, wrong: string[]): Reader {
  const demand = (fulfilled: boolean, name: string, expected: string): void => {
    if (!fulfilled) wrong.push(`${name} must be ${expected}`)
  }
  const own = <T>(name: string, { expected, parse, fallback }: SettingForm<T>): T | undefined => {
    const text = env[name] ?? fallback
    if (text === undefined || (text === '' && fallback === undefined)) {
      wrong.push(`${name} is missing`)
      return undefined
    }
    const value = typeof text === 'string' ? parse(text) : undefined
    demand(value !== undefined, name, expected)
    return value
  }
  return {
    demand,
    own,
    shared(name, fallback) {
      const form = SHARED_SETTINGS[name] as SettingForm<SharedSetting<typeof name>>
      return own(name, fallback === undefined ? form : { ...form, fallback })
    }
  }
}

const FLAG: SettingForm<boolean> = { expected: '"true" or "false"', parse: parseFlag, fallback: 'false' }
const ADDRESS: SettingForm<string> = {
  expected: 'an IP address',
  parse: text => (parseClientAddress(text) === undefined ? undefined : text)
}
/** The keys themselves are checked later, by `createInlineKeySet`. */
const INLINE_KEYS: SettingForm<readonly PublicJwk[]> = {
  expected: 'a JSON Web Key Set with at least one key',
  parse: parseInlineKeys
}

function urlForm(fallback?: string): SettingForm<string> {
  return { expected: 'an http(s) URL', parse: parseBaseUrl, ...(fallback !== undefined && { fallback }) }
}

function wholeForm(min: number, max: number, fallback: number): SettingForm<number> {
  const parse = (text: string) => parseWholeNumber(text, min, max)
  return { expected: `a whole number from ${min} to ${max}`, parse, fallback: String(fallback) }
}

function quota(read: Reader, name: GatehouseQuotaName): string {
  const limit = read.own(`EDGE_QUOTA_${name.toUpperCase()}`, {
    expected: 'requests/seconds, such as "300/60"',
    parse: text => (parseQuotaPolicy(text) === undefined ? undefined : text),
    fallback: DEFAULT_EDGE_QUOTAS[name]
  })
  return limit ?? ''
}

function parseInlineKeys(text: string): readonly PublicJwk[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    return Array.isArray(keys) && keys.length > 0 ? (keys as PublicJwk[]) : undefined
  } catch {
    return undefined
  }
}
