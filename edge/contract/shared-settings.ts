/**
 * The settings that edge and origin share, and their grammar: no value passes on one side only. Which of them has to be
 * given, and what is strict in production only, is left to each side.
 */

import { DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from './claims.ts'

/** How the text of a setting becomes a value. */
export interface SettingForm<T> {
  /** What a good value looks like, in words. */
  readonly expected: string
  /** Undefined means malformed. */
  readonly parse: (text: string) => T | undefined
  /** The default, spelled as in the environment; without one the setting must be given, or has a default of its own. */
  readonly fallback?: string
}

/** A day short of eleven years, in seconds: beyond it dates overflow somewhere. */
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

export type SharedSettingName = keyof typeof SHARED_SETTINGS

/** What the text of a shared setting becomes. */
export type SharedSetting<Name extends SharedSettingName> =
  (typeof SHARED_SETTINGS)[Name] extends SettingForm<infer T> ? T : never

/** Spelled as browsers spell it in `Origin`: any other spelling would match no request and say nothing. */
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

/** An http(s) URL under which paths are, without its last slash: no user, no query, no fragment. */
export function parseBaseUrl(text: string): string | undefined {
  const url = text.replace(/\/$/, '')
  return /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(url) && URL.canParse(url) ? url : undefined
}

/** At least 32 bytes without a blank or a line break at either end: those get lost on the way into a setting. */
export function parseSecret(text: string): string | undefined {
  return text.trim() === text && new TextEncoder().encode(text).length >= 32 ? text : undefined
}

/** Security: a route table under a misspelt prefix matches nothing, and every protected path would pass for a public one. */
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

/** One line of text that begins and ends with something visible. */
function parseLine(text: string): string | undefined {
  return text !== '' && text.trim() === text && !/\p{Cc}/u.test(text) && text.isWellFormed() ? text : undefined
}

/** What a header can carry as it is. */
function parseHeaderText(text: string): string | undefined {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? text : undefined
}

/** Without braces, which would change the hash tag of a key, and without the colon that ends it. */
function parseNamespace(text: string): string | undefined {
  return /^[A-Za-z0-9._-]{0,64}$/.test(text) ? text : undefined
}
