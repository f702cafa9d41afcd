/** The edge's settings: environment bindings → checked values, or the names of everything that is wrong. */

import { DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from './contract/claims.ts'
import { parseClientAddress } from './contract/client-address.ts'
import { DEFAULT_EDGE_QUOTAS, type GatehouseQuotaName } from './contract/policies.ts'
import { parseQuotaPolicy } from './contract/quota-policy.ts'
import { parseRedisNamespace, REDIS_NAMESPACE_FORM } from './contract/redis-keys.ts'
import { REVOCATION_MAX_AGE_MS } from './revocation/lifetimes.ts'
import type { PublicJwk } from './verifier/public-jwk.ts'

export interface EdgeSettings {
  readonly publicUrl: string
  readonly originUrl: string
  /** How long the origin may take to begin its answer. */
  readonly originDeadlineMs: number
  readonly jwksUrl: string
  /** Public keys given here instead of fetched; none of them is checked yet. */
  readonly inlineKeys: readonly PublicJwk[] | undefined
  readonly edgeSecret: string
  readonly redisUrl: string
  readonly redisToken: string
  readonly redisNamespace: string
  readonly apiPrefix: string
  readonly tokenAudience: string
  readonly accessTokenTtlSeconds: number
  /** No request is served from knowledge of ended sessions that is older. */
  readonly revocationMaxAgeMs: number
  readonly allowedOrigins: readonly string[]
  /** Limits of Gatehouse's own quotas, such as `300/60`. */
  readonly quotas: Readonly<Record<GatehouseQuotaName, string>>
  readonly debugHeaders: boolean
  /** The client address where the platform names none; only a local run sets it. */
  readonly fallbackClientAddress: string | undefined
}

export type ParsedSettings =
  | { readonly ok: true; readonly settings: EdgeSettings }
  | { readonly ok: false; readonly reason: string }

type Env = Readonly<Record<string, unknown>>

/** Notes what is wrong and goes on with something harmless, so that one answer names everything. */
interface Reader {
  text(name: string, fallback?: string): string
  url(name: string, fallback?: string): string
  whole(name: string, fallback: number, min: number): number
  demand(fulfilled: boolean, name: string, expected: string): void
}

const DEFAULT_ORIGIN_DEADLINE_SECONDS = 15

/** Reads the bindings of a Worker. Nothing that decides over security has a default that opens anything. */
export function parseEdgeSettings(env: Env): ParsedSettings {
  const wrong: string[] = []
  const settings = readAll(env, createReader(env, wrong))
  return wrong.length === 0 ? { ok: true, settings } : { ok: false, reason: wrong.join('; ') }
}

function readAll(env: Env, read: Reader): EdgeSettings {
  const publicUrl = read.url('PUBLIC_URL')
  const originUrl = read.url('ORIGIN_URL')
  const edgeSecret = read.text('EDGE_SECRET')
  const secretBytes = new TextEncoder().encode(edgeSecret).length
  read.demand(edgeSecret === '' || secretBytes >= 32, 'EDGE_SECRET', 'at least 32 bytes long')
  const apiPrefix = read.text('API_PREFIX', '/api/v1')
  // A route table under a misspelt prefix matches nothing, and every protected path would pass for a public one.
  read.demand(/^(\/[a-z0-9-]+)+$/.test(apiPrefix), 'API_PREFIX', 'a path such as "/api/v1"')
  const allowedOrigins = originList(env.ALLOWED_ORIGINS)
  read.demand(allowedOrigins !== undefined, 'ALLOWED_ORIGINS', 'origins, comma-separated; or "none"')
  const namespace = parseRedisNamespace(String(env.REDIS_NAMESPACE ?? ''))
  read.demand(namespace !== undefined, 'REDIS_NAMESPACE', REDIS_NAMESPACE_FORM)
  const fallback = env.FALLBACK_CLIENT_ADDRESS === undefined ? undefined : read.text('FALLBACK_CLIENT_ADDRESS')
  const isAddress = fallback === undefined || parseClientAddress(fallback) !== undefined
  read.demand(isAddress, 'FALLBACK_CLIENT_ADDRESS', 'an IP address')
  const maxAgeMs = read.whole('REVOCATION_MAX_AGE_MS', REVOCATION_MAX_AGE_MS, 0)
  read.demand(maxAgeMs <= REVOCATION_MAX_AGE_MS, 'REVOCATION_MAX_AGE_MS', `at most ${REVOCATION_MAX_AGE_MS}`)
  const debugHeaders = env.DEBUG_HEADERS ?? 'false'
  read.demand(debugHeaders === 'true' || debugHeaders === 'false', 'DEBUG_HEADERS', '"true" or "false"')
  const inlineKeys = env.JWKS === undefined ? undefined : parseInlineKeys(env.JWKS)
  read.demand(env.JWKS === undefined || inlineKeys !== undefined, 'JWKS', 'a JSON Web Key Set with at least one key')

  return {
    publicUrl,
    originUrl,
    originDeadlineMs: read.whole('ORIGIN_DEADLINE', DEFAULT_ORIGIN_DEADLINE_SECONDS, 1) * 1000,
    edgeSecret,
    jwksUrl: read.url('JWKS_URL', `${originUrl}/.well-known/jwks.json`),
    inlineKeys,
    redisUrl: read.url('UPSTASH_REDIS_REST_URL'),
    redisToken: read.text('UPSTASH_REDIS_REST_TOKEN'),
    redisNamespace: namespace ?? '',
    apiPrefix,
    tokenAudience: read.text('TOKEN_AUDIENCE', publicUrl),
    accessTokenTtlSeconds: read.whole('ACCESS_TOKEN_TTL', DEFAULT_ACCESS_TOKEN_TTL_SECONDS, 1),
    revocationMaxAgeMs: maxAgeMs,
    allowedOrigins: allowedOrigins ?? [],
    quotas: { address: quota(read, 'address'), auth: quota(read, 'auth'), user: quota(read, 'user') },
    debugHeaders: debugHeaders === 'true',
    fallbackClientAddress: fallback
  }
}

function createReader(env: Env, wrong: string[]): Reader {
  const text = (name: string, fallback?: string): string => {
    const value = env[name] ?? fallback
    if (typeof value === 'string' && value !== '') return value
    wrong.push(`${name} is missing`)
    return ''
  }
  const demand = (fulfilled: boolean, name: string, expected: string): void => {
    if (!fulfilled) wrong.push(`${name} must be ${expected}`)
  }
  return {
    text,
    demand,
    url(name, fallback) {
      const value = text(name, fallback).replace(/\/$/, '')
      const isSound = /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(value) && URL.canParse(value)
      demand(value === '' || isSound, name, 'an http(s) URL')
      return value
    },
    whole(name, fallback, min) {
      const value = text(name, String(fallback))
      demand(/^(0|[1-9]\d{0,8})$/.test(value) && Number(value) >= min, name, `a whole number of at least ${min}`)
      return Number(value)
    }
  }
}

function quota(read: Reader, name: GatehouseQuotaName): string {
  const variable = `EDGE_QUOTA_${name.toUpperCase()}`
  const limit = read.text(variable, DEFAULT_EDGE_QUOTAS[name])
  read.demand(limit === '' || parseQuotaPolicy(limit) !== undefined, variable, 'requests/seconds, such as "300/60"')
  return limit
}

function parseInlineKeys(value: unknown): readonly PublicJwk[] | undefined {
  try {
    const { keys } = JSON.parse(String(value)) as { keys?: unknown }
    return Array.isArray(keys) && keys.length > 0 ? (keys as PublicJwk[]) : undefined
  } catch {
    return undefined
  }
}

/** Exact origins, comma-separated; none at all where the setting is missing, empty or "none". */
function originList(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === '' || value === 'none') return []
  const origins = typeof value === 'string' ? value.split(',').map(origin => origin.trim()) : ['']
  return origins.every(isOrigin) ? origins : undefined
}

/** Whether a browser could send `text` as an `Origin`: a spelling that it never sends would allow nobody. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}
