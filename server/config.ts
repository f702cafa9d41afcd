/** Environment → frozen Config, or one error that names everything that is wrong. Reads nothing by itself. */

import { parseQuotaPolicy, type QuotaPolicy } from '../edge/contract/policies.ts'
import { PASSWORD_CLASSES, type PasswordClass } from './lib/password-policy.ts'
import { createSettingsReader } from './lib/settings-reader.ts'

/** The origin's settings. Durations are whole seconds. */
export interface Config {
  readonly production: boolean
  readonly host: string
  readonly port: number
  readonly logLevel: string
  /** Under which people reach the service; no trailing slash. The issuer of every token. */
  readonly publicUrl: string
  readonly apiPrefix: string
  readonly allowedOrigins: readonly string[]
  readonly docs: boolean
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly redisToken: string
  readonly rootSecrets: readonly [string, ...string[]]
  readonly edgeSecret: string
  readonly requireEdge: boolean
  readonly smtpUrl: string
  readonly mailFrom: string
  readonly tokenAudience: string
  readonly accessTokenTtl: number
  readonly refreshGrace: number
  readonly refreshIdleTtl: number
  readonly sessionTtl: number
  readonly rememberedSessionTtl: number
  readonly emailVerification: 'required' | 'optional'
  readonly verificationTtl: number
  readonly passwordMinLength: number
  readonly passwordClasses: readonly PasswordClass[]
  readonly bcryptCost: number
  readonly quotas: {
    readonly register: QuotaPolicy
    readonly mailedTokens: QuotaPolicy
  }
}

const DAY = 86_400

/**
 * Reads the settings. Everything counts as production unless `NODE_ENV` says `development` or `test`:
 * who forgets the variable gets the strict process, not the lenient one.
 *
 * @throws {ConfigError} naming every variable that is missing or malformed
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const production = env.NODE_ENV !== 'development' && env.NODE_ENV !== 'test'
  const read = createSettingsReader(env)
  const publicUrl = read.required('PUBLIC_URL', 'an https origin, such as https://auth.example.com', value =>
    production && !value.startsWith('https://') ? undefined : originUrl(value.replace(/\/$/, ''))
  )
  const quota = (name: string, fallback: string) =>
    read.optional(name, fallback, 'requests/seconds, such as 5/3600', parseQuotaPolicy)

  const config: Config = {
    production,
    host: read.optional('HOST', '127.0.0.1', 'an address to listen on', text),
    port: read.optional('PORT', '3000', 'a port, 0 to 65535', value => integer(value, 0, 65_535)),
    logLevel: read.optional('LOG_LEVEL', 'info', 'trace, debug, info, warn, error, fatal or silent', value =>
      /^(trace|debug|info|warn|error|fatal|silent)$/.test(value) ? value : undefined
    ),
    publicUrl,
    apiPrefix: read.optional('API_PREFIX', '/api/v1', 'a path such as /api/v1', value =>
      /^(\/[a-z0-9-]+)+$/.test(value) ? value : undefined
    ),
    allowedOrigins: (production ? read.required : optionalList)(
      'ALLOWED_ORIGINS',
      'origins, comma-separated; or "none"',
      value => list(value, originUrl)
    ),
    docs: read.optional('DOCS', String(!production), 'true or false', flag),
    databaseUrl: read.required('DATABASE_URL', 'postgres://user:password@host:port/database', value =>
      /^postgres(ql)?:\/\/\S+$/.test(value) ? value : undefined
    ),
    redisUrl: read.required('UPSTASH_REDIS_REST_URL', 'the REST URL of the database', value =>
      /^https?:\/\/\S+$/.test(value) ? value : undefined
    ),
    redisToken: read.required('UPSTASH_REDIS_REST_TOKEN', 'the REST token of the database', text),
    rootSecrets: read.required(
      'ROOT_SECRETS',
      'secrets of at least 32 random bytes each, comma-separated, newest first (make one with: openssl rand -base64 32)',
      secrets
    ),
    edgeSecret: read.required(
      'EDGE_SECRET',
      'at least 32 random bytes, the same as at the edge (make one with: openssl rand -base64 32)',
      secret
    ),
    requireEdge: read.optional('REQUIRE_EDGE', String(production), 'true or false', flag),
    smtpUrl: read.required('SMTP_URL', 'smtp://user:password@host:port or smtps://…', value =>
      /^smtps?:\/\/\S+$/.test(value) ? value : undefined
    ),
    mailFrom: read.optional('MAIL_FROM', 'Gatehouse <no-reply@localhost.localdomain>', 'a mail address', text),
    tokenAudience: read.optional('TOKEN_AUDIENCE', String(publicUrl), 'the audience of access tokens', text),
    accessTokenTtl: seconds('ACCESS_TOKEN_TTL', 900),
    refreshGrace: seconds('REFRESH_GRACE', 10, 0),
    refreshIdleTtl: seconds('REFRESH_IDLE_TTL', 7 * DAY),
    sessionTtl: seconds('SESSION_TTL', DAY),
    rememberedSessionTtl: seconds('REMEMBERED_SESSION_TTL', 30 * DAY),
    emailVerification: read.optional('EMAIL_VERIFICATION', 'required', 'required or optional', value =>
      value === 'required' || value === 'optional' ? value : undefined
    ),
    verificationTtl: seconds('VERIFICATION_TTL', DAY),
    passwordMinLength: read.optional('PASSWORD_MIN_LENGTH', '8', 'a number from 8 to 64', value =>
      integer(value, 8, 64)
    ),
    passwordClasses: read.optional(
      'PASSWORD_CLASSES',
      'upper,lower,digit,symbol',
      'any of upper, lower, digit, symbol; or empty',
      classes
    ),
    bcryptCost: read.optional('BCRYPT_COST', '12', `a number from ${production ? 10 : 4} to 16`, value =>
      integer(value, production ? 10 : 4, 16)
    ),
    quotas: {
      register: quota('QUOTA_REGISTER', '5/3600'),
      mailedTokens: quota('QUOTA_MAILED_TOKENS', '20/3600')
    }
  }
  read.throwIfWrong()
  return Object.freeze(config)

  function seconds(name: string, fallback: number, min = 1): number {
    return read.optional(name, String(fallback), 'whole seconds', value => integer(value, min, 400 * DAY))
  }
  function optionalList<T>(name: string, expected: string, parse: (value: string) => T | undefined): T {
    return read.optional(name, 'none', expected, parse)
  }
}

function text(value: string): string | undefined {
  return value === '' ? undefined : value
}

/** Spelled as browsers spell it in `Origin`: any other spelling would match no request and say nothing. */
function originUrl(value: string): string | undefined {
  const url = /^https?:/.test(value) && URL.canParse(value) ? new URL(value) : undefined
  return url?.origin === value ? value : undefined
}

function flag(value: string): boolean | undefined {
  return value === 'true' ? true : value === 'false' ? false : undefined
}

function integer(value: string, min: number, max: number): number | undefined {
  const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN
  return number >= min && number <= max ? number : undefined
}

function secret(value: string): string | undefined {
  return Buffer.byteLength(value) >= 32 ? value : undefined
}

function secrets(value: string): readonly [string, ...string[]] | undefined {
  const [first, ...rest] = value.split(',').map(one => secret(one.trim()))
  return first !== undefined && rest.every(one => one !== undefined) ? [first, ...(rest as string[])] : undefined
}

function list<T>(value: string, parse: (item: string) => T | undefined): readonly T[] | undefined {
  if (value === 'none') return []
  const items = value.split(',').map(item => parse(item.trim()))
  return items.every(item => item !== undefined) ? (items as T[]) : undefined
}

function classes(value: string): readonly PasswordClass[] | undefined {
  if (value === '') return []
  return list(value, item => (Object.hasOwn(PASSWORD_CLASSES, item) ? (item as PasswordClass) : undefined))
}
