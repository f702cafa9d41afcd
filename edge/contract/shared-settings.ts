/**
 * The settings that edge and origin share, and their grammar, so that both accept the same values.
 *
 * Each side decides which settings are required, and which rules apply in production only.
 */

import { DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from './claims.ts'

/** The grammar of a setting: from its text to its value. */
export interface SettingForm<T> {
  /** Describes a valid value. */
  readonly expected: string
  /** Undefined means malformed. */
  readonly parse: (text: string) => T | undefined
  /** The default, spelled as in the environment. Without one the setting is required, or its reader has a default. */
  readonly fallback?: string
}

/** 4,000 days, almost eleven years, in seconds: longer times overflow dates somewhere. */
export const MAX_SECONDS = 4_000 * 86_400

const form = <T>(expected: string, parse: (text: string) => T | undefined, fallback?: string): SettingForm<T> => ({
  expected,
  parse,
  ...(fallback !== undefined && { fallback })
})

/** The shared settings by name. */
export const SHARED_SETTINGS = {
  PUBLIC_URL: form('an origin, such as https://auth.example.com', text => parseOrigin(text.replace(/\/$/, ''))),
  API_PREFIX: form('a path such as /api/v1', parsePathPrefix, '/api/v1'),
  ALLOWED_ORIGINS: form('origins, comma-separated; or "none"', parseOrigins),
  EDGE_SECRET: form(
    'at least 32 random bytes, the same on both sides (make one with: openssl rand -base64 32)',
    parseSecret
  ),
  TOKEN_AUDIENCE: form('the audience of access tokens', parseLine),
  ACCESS_TOKEN_TTL: form('whole seconds', parseSeconds, String(DEFAULT_ACCESS_TOKEN_TTL_SECONDS)),
  UPSTASH_REDIS_REST_URL: form('the REST URL of the database, http(s)://host', parseBaseUrl),
  UPSTASH_REDIS_REST_TOKEN: form('the REST token of the database', parseHeaderText),
  REDIS_NAMESPACE: form('letters, digits, ".", "_" and "-", at most 64; empty for none', parseNamespace, '')
}

/** The name of a shared setting. */
export type SharedSettingName = keyof typeof SHARED_SETTINGS

/** The value of a shared setting. */
export type SharedSetting<Name extends SharedSettingName> =
  (typeof SHARED_SETTINGS)[Name] extends SettingForm<infer T> ? T : never

/** Spelled as browsers spell it in `Origin`: any other spelling would never match a request, without an error. */
function parseOrigin(text: string): string | undefined {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text ? text : undefined
}

/** A whole number in decimal digits, without a leading zero. */
export function parseWholeNumber(text: string, min: number, max: number): number | undefined {
  const number = /^(0|[1-9]\d{0,11})$/.test(text) ? Number(text) : Number.NaN
  return number >= min && number <= max ? number : undefined
}

/** `true` or `false`. */
export function parseFlag(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined
}

/** An http(s) URL as a base of paths, without its last slash: no user, no query, no fragment. */
export function parseBaseUrl(text: string): string | undefined {
  const url = text.replace(/\/$/, '')
  return /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(url) && URL.canParse(url) ? url : undefined
}

/** At least 32 bytes, without white space at either end, which is easily lost on the way into a setting. */
export function parseSecret(text: string): string | undefined {
  return text.trim() === text && new TextEncoder().encode(text).length >= 32 ? text : undefined
}

/** Security: routes under a misspelt prefix match nothing, so every protected path would count as public. */
function parsePathPrefix(text: string): string | undefined {
  return /^(\/[a-z0-9-]+)+$/.test(text) ? text : undefined
}

function parseOrigins(text: string): readonly string[] | undefined {
  if (text === 'none') return []
  const origins = text.split(',').map(item => parseOrigin(item.trim()))
  return origins.every(origin => origin !== undefined) ? origins : undefined
}

function parseSeconds(text: string): number | undefined {
  return parseWholeNumber(text, 1, MAX_SECONDS)
}

/** One line of text, without white space at either end. */
function parseLine(text: string): string | undefined {
  return text !== '' && text.trim() === text && !/\p{Cc}/u.test(text) && text.isWellFormed() ? text : undefined
}

/** Text that a header can carry unchanged. */
function parseHeaderText(text: string): string | undefined {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? text : undefined
}

/** Without braces, which would change the hash tag of a key, and without a colon, which ends the namespace. */
function parseNamespace(text: string): string | undefined {
  return /^[A-Za-z0-9._-]{0,64}$/.test(text) ? text : undefined
}
