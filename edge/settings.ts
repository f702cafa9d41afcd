/** The edge's settings: environment bindings → checked values, or the names of everything that is wrong. */

import { DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from './contract/claims.ts'
import { parseClientAddress } from './contract/client-address.ts'
import { DEFAULT_EDGE_QUOTAS, type EdgeQuotaName, type EdgeQuotas, parseQuotaPolicy } from './contract/policies.ts'

export interface EdgeSettings {
  readonly publicUrl: string
  readonly originUrl: string
  readonly jwksUrl: string
  readonly edgeSecret: string
  readonly redisUrl: string
  readonly redisToken: string
  readonly apiPrefix: string
  readonly tokenAudience: string
  readonly accessTokenTtlSeconds: number
  readonly allowedOrigins: readonly string[]
  readonly quotas: EdgeQuotas
  /** The client address where the platform names none; only a local run sets it. */
  readonly fallbackClientAddress: string | undefined
}

export type ParsedSettings =
  | { readonly ok: true; readonly settings: EdgeSettings }
  | { readonly ok: false; readonly reason: string }

/** Reads the bindings of a Worker. Nothing that decides over security has a default. */
export function parseEdgeSettings(env: Readonly<Record<string, unknown>>): ParsedSettings {
  const wrong: string[] = []

  const text = (name: string, fallback?: string): string => {
    const value = env[name] ?? fallback
    if (typeof value === 'string' && value !== '') return value
    wrong.push(`${name} is missing`)
    return ''
  }
  const check = <T>(name: string, value: T | undefined, expected: string): T | undefined => {
    if (value === undefined) wrong.push(`${name} must be ${expected}`)
    return value
  }
  const url = (name: string, fallback?: string): string => {
    const value = text(name, fallback).replace(/\/$/, '')
    const sound = /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(value) && URL.canParse(value)
    if (value !== '' && !sound) wrong.push(`${name} must be an http(s) URL`)
    return value
  }
  const quota = (name: EdgeQuotaName) => {
    const variable = `EDGE_QUOTA_${name.toUpperCase()}`
    if (env[variable] === undefined) return DEFAULT_EDGE_QUOTAS[name]
    return (
      check(variable, parseQuotaPolicy(text(variable)), 'requests/seconds, such as "300/60"') ??
      DEFAULT_EDGE_QUOTAS[name]
    )
  }

  const publicUrl = url('PUBLIC_URL')
  const originUrl = url('ORIGIN_URL')
  const edgeSecret = text('EDGE_SECRET')
  const secretBytes = new TextEncoder().encode(edgeSecret).length
  if (edgeSecret !== '' && secretBytes < 32) wrong.push('EDGE_SECRET must have at least 32 bytes')
  const ttl = text('ACCESS_TOKEN_TTL', String(DEFAULT_ACCESS_TOKEN_TTL_SECONDS))
  if (!/^[1-9]\d{0,8}$/.test(ttl)) wrong.push('ACCESS_TOKEN_TTL must be a whole number of seconds')
  const apiPrefix = text('API_PREFIX', '/api/v1')
  // A route table under a misspelt prefix matches nothing, and every protected path would pass for a public one.
  if (!/^(\/[a-z0-9-]+)+$/.test(apiPrefix)) wrong.push('API_PREFIX must be a path such as "/api/v1"')
  const allowedOrigins = originList(env.ALLOWED_ORIGINS)
  const fallback = env.FALLBACK_CLIENT_ADDRESS === undefined ? undefined : text('FALLBACK_CLIENT_ADDRESS')
  if (fallback !== undefined) check('FALLBACK_CLIENT_ADDRESS', parseClientAddress(fallback), 'an IP address')

  const settings: EdgeSettings = {
    publicUrl,
    originUrl,
    edgeSecret,
    jwksUrl: url('JWKS_URL', `${originUrl}/.well-known/jwks.json`),
    redisUrl: url('UPSTASH_REDIS_REST_URL'),
    redisToken: text('UPSTASH_REDIS_REST_TOKEN'),
    apiPrefix,
    tokenAudience: text('TOKEN_AUDIENCE', publicUrl),
    accessTokenTtlSeconds: Number(ttl),
    allowedOrigins: check('ALLOWED_ORIGINS', allowedOrigins, 'origins, comma-separated; or "none"') ?? [],
    quotas: { address: quota('address'), auth: quota('auth'), user: quota('user') },
    fallbackClientAddress: fallback
  }
  return wrong.length === 0 ? { ok: true, settings } : { ok: false, reason: wrong.join('; ') }
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
