/** From the environment to a frozen `Config`, or to one error that names every fault. The caller brings the environment. */

import { parseQuotaPolicy, type QuotaPolicy } from '../edge/contract/quota-policy.ts'
import { parseFlag as flag, parseWholeNumber as integer, MAX_SECONDS } from '../edge/contract/shared-settings.ts'
import { DATABASE_URL_FORM, parseDatabaseUrl } from './database-url.ts'
import type { PasswordClass } from './lib/passwords/password-policy.ts'
import { classes, contactUri, httpUrl, oneOf, secrets, smtpUrl, text } from './lib/settings/setting-parsers.ts'
import { createSettingsReader } from './lib/settings/settings-reader.ts'

/** The settings of the origin. Durations are whole seconds. `.env.example` explains each. */
export interface Config {
  readonly production: boolean
  readonly host: string
  readonly port: number
  readonly logLevel: string
  /** Undefined: the origin serves no metrics. */
  readonly metricsPort: number | undefined
  /** The public URL of the service, without a trailing slash. The issuer of every token. */
  readonly publicUrl: string
  readonly apiPrefix: string
  readonly allowedOrigins: readonly string[]
  readonly docs: boolean
  /** The URI for reports of vulnerabilities. Undefined: the origin serves no security.txt. */
  readonly securityContact: string | undefined
  readonly databaseUrl: string
  /** The role that owns and migrates the tables; `databaseUrl` where one role does both. */
  readonly migrationDatabaseUrl: string
  /** Whether statements are prepared. Undefined: they are, unless `databaseUrl` says `pgbouncer=true`. */
  readonly databasePrepare: boolean | undefined
  readonly redisUrl: string
  readonly redisToken: string
  /** The prefix of each key, so that several systems can share one database. */
  readonly redisNamespace: string
  readonly rootSecrets: readonly [string, ...string[]]
  readonly edgeSecret: string
  readonly requireEdge: boolean
  readonly smtpUrl: string
  readonly mailFrom: string
  readonly tokenAudience: string
  readonly tokenClientId: string
  readonly accessTokenTtl: number
  readonly refreshGrace: number
  readonly refreshIdleTtl: number
  readonly sessionTtl: number
  readonly rememberedSessionTtl: number
  readonly emailVerification: 'required' | 'optional'
  readonly verificationTtl: number
  readonly resetTtl: number
  readonly termsVersion: string | undefined
  readonly auditRetention: number
  readonly passwordMinLength: number
  readonly passwordClasses: readonly PasswordClass[]
  readonly bcryptCost: number
  readonly quotas: {
    readonly register: QuotaPolicy
    readonly mailedTokens: QuotaPolicy
    readonly forgotPassword: QuotaPolicy
    readonly resendVerification: QuotaPolicy
    readonly changeEmail: QuotaPolicy
    readonly registerMails: QuotaPolicy
    readonly notices: QuotaPolicy
  }
  readonly loginLimits: {
    /** Failures of one client address before it is blocked, and for how long. */
    readonly address: QuotaPolicy
    readonly addressBlock: number
    /** Failures of one account from all addresses before unknown devices are refused, and for how long. */
    readonly account: QuotaPolicy
    readonly accountBlock: number
    /** Failures of one address on one account before it has to wait, and how long at first. */
    readonly delayAfter: number
    readonly firstDelay: number
    /** Failures before a captcha is required. */
    readonly captchaAfter: number
  }
  readonly captcha: { readonly secret: string; readonly siteKey: string; readonly verifyUrl: string } | undefined
}

const DAY = 86_400
const TURNSTILE = 'https://challenges.cloudflare.com/turnstile/v0/siteverify'
const ROOT_SECRETS_FORM =
  'secrets of at least 32 random bytes each, comma-separated, newest first (make one with: openssl rand -base64 32)'

/**
 * Parses the settings. Only `development` or `test` in `NODE_ENV` loosens them: a process without the variable is strict.
 *
 * @throws {ConfigError} naming every variable that is missing or malformed
 */
// Over 40 lines: one line a setting, in the order of `.env.example`.
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const production = env.NODE_ENV !== 'development' && env.NODE_ENV !== 'test'
  const minCost = production ? 10 : 4
  const read = createSettingsReader(env)
  const seconds = (name: string, fallback: number, min = 1) =>
    read.optional(name, String(fallback), 'whole seconds', value => integer(value, min, MAX_SECONDS))
  const quota = (name: string, fallback: string) =>
    read.optional(name, fallback, 'requests/seconds, such as 5/3600', parseQuotaPolicy)
  const count = (name: string, fallback: number) =>
    read.optional(name, String(fallback), 'a whole number from 1', value => integer(value, 1, 1_000_000))
  const publicUrl = read.shared('PUBLIC_URL')
  read.demand('PUBLIC_URL', !production || publicUrl?.startsWith('https://') !== false, 'an https origin')
  const databaseUrl = read.required('DATABASE_URL', DATABASE_URL_FORM, parseDatabaseUrl)
  const captchaSecret = read.maybe('CAPTCHA_SECRET', 'the secret key of Turnstile', text)

  const config: Config = {
    production,
    host: read.optional('HOST', '127.0.0.1', 'an address to listen on', text),
    port: read.optional('PORT', '3000', 'a port, 0 to 65535', value => integer(value, 0, 65_535)),
    logLevel: read.optional('LOG_LEVEL', 'info', 'trace, debug, info, warn, error, fatal or silent', value =>
      oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')(value)
    ),
    metricsPort: read.maybe('METRICS_PORT', 'a port, 0 to 65535', value => integer(value, 0, 65_535)),
    publicUrl,
    apiPrefix: read.shared('API_PREFIX'),
    allowedOrigins: read.shared('ALLOWED_ORIGINS', production ? undefined : 'none'),
    docs: read.optional('DOCS', String(!production), 'true or false', flag),
    securityContact: read.maybe('SECURITY_CONTACT', 'a URI such as mailto:security@example.com', contactUri),
    databaseUrl,
    migrationDatabaseUrl: read.maybe('MIGRATION_DATABASE_URL', DATABASE_URL_FORM, parseDatabaseUrl) ?? databaseUrl,
    databasePrepare: read.maybe('DATABASE_PREPARE', 'true or false', flag),
    redisUrl: read.shared('UPSTASH_REDIS_REST_URL'),
    redisToken: read.shared('UPSTASH_REDIS_REST_TOKEN'),
    redisNamespace: read.shared('REDIS_NAMESPACE'),
    rootSecrets: read.required('ROOT_SECRETS', ROOT_SECRETS_FORM, secrets),
    edgeSecret: read.shared('EDGE_SECRET'),
    requireEdge: read.optional('REQUIRE_EDGE', String(production), 'true or false', flag),
    smtpUrl: read.required('SMTP_URL', 'smtp://user:password@host:port or smtps://…', smtpUrl),
    mailFrom: read.optional('MAIL_FROM', 'Gatehouse <no-reply@localhost.localdomain>', 'an email address', text),
    tokenAudience: read.shared('TOKEN_AUDIENCE', String(publicUrl)),
    tokenClientId: read.optional('TOKEN_CLIENT_ID', 'gatehouse', 'at most 32 printable ASCII characters', value =>
      /^[\x21-\x7e]{1,32}$/.test(value) ? value : undefined
    ),
    accessTokenTtl: read.shared('ACCESS_TOKEN_TTL'),
    refreshGrace: seconds('REFRESH_GRACE', 60, 0),
    refreshIdleTtl: seconds('REFRESH_IDLE_TTL', 7 * DAY),
    sessionTtl: seconds('SESSION_TTL', DAY),
    rememberedSessionTtl: seconds('REMEMBERED_SESSION_TTL', 30 * DAY),
    emailVerification: read.optional('EMAIL_VERIFICATION', 'required', 'required or optional', value =>
      oneOf('required', 'optional')(value)
    ),
    verificationTtl: seconds('VERIFICATION_TTL', DAY),
    resetTtl: seconds('RESET_TTL', 3600),
    termsVersion: read.maybe('TERMS_VERSION', 'the version of the terms, such as 2026-11', text),
    auditRetention: seconds('AUDIT_RETENTION', 365 * DAY, 31 * DAY),
    passwordMinLength: read.optional('PASSWORD_MIN_LENGTH', '8', 'a number from 8 to 64', value =>
      integer(value, 8, 64)
    ),
    passwordClasses: read.optional(
      'PASSWORD_CLASSES',
      'upper,lower,digit,symbol',
      'any of upper, lower, digit, symbol; or empty',
      classes
    ),
    bcryptCost: read.optional('BCRYPT_COST', '12', `a number from ${minCost} to 16`, value =>
      integer(value, minCost, 16)
    ),
    quotas: {
      register: quota('QUOTA_REGISTER', '5/3600'),
      mailedTokens: quota('QUOTA_MAILED_TOKENS', '20/3600'),
      forgotPassword: quota('QUOTA_FORGOT_PASSWORD', '3/3600'),
      resendVerification: quota('QUOTA_RESEND_VERIFICATION', '3/3600'),
      changeEmail: quota('QUOTA_CHANGE_EMAIL', '5/3600'),
      registerMails: quota('QUOTA_REGISTER_MAILS', '3/3600'),
      notices: quota('QUOTA_NOTICES', '5/3600')
    },
    loginLimits: {
      address: quota('LOGIN_FAILURES_ADDRESS', '5/600'),
      addressBlock: seconds('LOGIN_BLOCK_ADDRESS', 1800),
      account: quota('LOGIN_FAILURES_ACCOUNT', '10/900'),
      accountBlock: seconds('LOGIN_BLOCK_ACCOUNT', 1800),
      delayAfter: count('LOGIN_DELAY_AFTER', 2),
      firstDelay: seconds('LOGIN_FIRST_DELAY', 1),
      captchaAfter: count('CAPTCHA_AFTER', 3)
    },
    captcha:
      captchaSecret === undefined
        ? undefined
        : {
            secret: captchaSecret,
            siteKey: read.required('CAPTCHA_SITE_KEY', 'the site key that goes with CAPTCHA_SECRET', text),
            verifyUrl: read.optional('CAPTCHA_VERIFY_URL', TURNSTILE, 'the URL of siteverify', httpUrl)
          }
  }
  read.throwIfWrong()
  return Object.freeze(config)
}
