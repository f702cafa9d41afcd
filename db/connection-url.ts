/**
 * Parses a PostgreSQL URL as hosting providers hand it out, and translates its parameters for our driver.
 *
 * The driver would send each unknown parameter to the server as a setting, and the server or a pooler would refuse the
 * connection. So each parameter is translated, dropped or refused here, and the driver gets a URL without parameters.
 */

/** The settings of the driver. */
export interface ConnectionSettings {
  /** Without parameters. */
  readonly url: string
  /** Undefined if the URL does not set it. */
  readonly ssl: Tls | undefined
  readonly targetSessionAttrs: SessionAttributes | undefined
  /** Parameters of the start-up packet. */
  readonly startup: Readonly<Record<string, string>>
  /** False if the URL says that a pooler keeps no prepared statements. */
  readonly prepares: boolean
}

/** The outcome of parsing. */
export type ParsedConnectionUrl =
  | { readonly ok: true; readonly value: ConnectionSettings }
  /** `reason` names parameters, but never shows a value that was found. */
  | { readonly ok: false; readonly reason: string }

type Tls = false | 'prefer' | 'require' | 'verify-full' | { readonly checkServerIdentity: () => undefined }
type SessionAttributes = Exclude<(typeof SESSION_ATTRIBUTES)[number], 'any'>

/** The expected form, for error messages. */
export const DATABASE_URL_FORM = 'postgres://user:password@host:port/database'

/** The modes of libpq and of other drivers. `allow` means `prefer`, because this driver always tries TLS first. */
const SSL_MODES: Readonly<Record<string, Tls>> = {
  disable: false,
  allow: 'prefer',
  prefer: 'prefer',
  require: 'require',
  'no-verify': 'require',
  // The driver passes an object to Node's TLS: with this one the chain is verified, but not the name.
  'verify-ca': { checkServerIdentity: () => undefined },
  'verify-full': 'verify-full',
  false: false,
  true: 'verify-full'
}

const SESSION_ATTRIBUTES = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

interface Draft {
  ssl: Tls | undefined
  targetSessionAttrs: SessionAttributes | undefined
  bindsChannel: boolean
  prepares: boolean
  readonly startup: Record<string, string>
}

interface Parameter {
  /** The permitted values; every value if undefined. */
  readonly words?: readonly string[]
  readonly apply?: (draft: Draft, value: string) => void
}

const tls: Parameter = {
  words: Object.keys(SSL_MODES),
  apply: (draft, mode) => {
    draft.ssl = SSL_MODES[mode]
  }
}
const startup = (name: string): Parameter => ({
  apply: (draft, value) => {
    draft.startup[name] = value
  }
})
/** The migrations refer to tables in `public` by name. */
const schema: Parameter = { words: ['public'] }

/** Parameters that the driver's settings can express. */
const TRANSLATED: Readonly<Record<string, Parameter>> = {
  sslmode: tls,
  ssl: tls,
  schema,
  currentSchema: schema,
  application_name: startup('application_name'),
  options: startup('options'),
  channel_binding: {
    words: ['disable', 'prefer', 'require'],
    apply: (draft, value) => {
      draft.bindsChannel = value === 'require'
    }
  },
  target_session_attrs: {
    words: SESSION_ATTRIBUTES,
    apply: (draft, value) => {
      draft.targetSessionAttrs = value === 'any' ? undefined : (value as SessionAttributes)
    }
  },
  pgbouncer: {
    words: ['true', 'false'],
    apply: (draft, value) => {
      draft.prepares = value !== 'true'
    }
  }
}

/** Ignored parameters: pools of other drivers, deadlines that are set elsewhere, hints of hosting providers. */
const IGNORED = new Set(
  (
    'connect_timeout connection_limit pool_timeout pool_size pool_mode socket_timeout max idle_timeout max_lifetime ' +
    'keepalives keepalives_idle keepalives_interval keepalives_count keep_alive tcp_user_timeout client_encoding ' +
    'fallback_application_name load_balance_hosts sslsni sslcompression uselibpqcompat supa workaround'
  ).split(' ')
)

/** The advice for parameters for which "leave it out" does not suffice. */
const ADVICE: Readonly<Record<string, string>> = {
  sslrootcert: 'name the file in NODE_EXTRA_CA_CERTS and use sslmode=verify-full',
  statement_timeout: 'leave it out, every statement has a deadline'
}

/** Parses a URL and its parameters. */
export function parseConnectionUrl(text: string): ParsedConnectionUrl {
  const [url = '', query = ''] = text.split(/\?(.*)/s)
  if (!isReadable(url)) return { ok: false, reason: `expected ${DATABASE_URL_FORM}` }

  const draft: Draft = {
    ssl: undefined,
    targetSessionAttrs: undefined,
    bindsChannel: false,
    prepares: true,
    startup: {}
  }
  const wrong: string[] = []
  for (const [name, value] of new URLSearchParams(query)) {
    if (IGNORED.has(name)) continue
    const parameter = Object.hasOwn(TRANSLATED, name) ? TRANSLATED[name] : undefined
    if (parameter === undefined) wrong.push(unsupported(name))
    else if (parameter.words && !parameter.words.includes(value))
      wrong.push(`its parameter "${name}" takes only ${parameter.words.join(', ')}`)
    else parameter.apply?.(draft, value)
  }
  const { bindsChannel, ...settings } = draft
  if (bindsChannel && draft.ssl === false) wrong.push('its channel_binding=require contradicts its sslmode=disable')
  if (wrong.length > 0) return { ok: false, reason: wrong.join('; ') }
  // Security: channel binding detects a man in the middle. This driver lacks it and verifies the certificate instead.
  return { ok: true, value: { url, ...settings, ssl: bindsChannel ? 'verify-full' : draft.ssl } }
}

/** The settings of the driver for a URL. @throws {TypeError} if `parseConnectionUrl` refuses it */
export function connectionSettings(text: string): ConnectionSettings {
  const parsed = parseConnectionUrl(text)
  if (!parsed.ok) throw new TypeError(`Cannot open the database by this URL: ${parsed.reason}`)
  return parsed.value
}

/** Security: shows a name only if it is a plain word. A URL that was pasted into another one may contain a password. */
function unsupported(name: string): string {
  const advice = Object.hasOwn(ADVICE, name) ? ADVICE[name] : 'leave it out'
  return `its parameter "${/^[\w-]{1,64}$/.test(name) ? name : '…'}" is not supported: ${advice}`
}

/** Whether the driver can parse it. Several hosts, separated by commas, are an extension of libpq. */
function isReadable(url: string): boolean {
  const match = /^postgres(?:ql)?:\/\/(?:[^@/\s]*@)?([^/\s]*)(?:\/\S*)?$/.exec(url)
  const hosts = match?.[1]
  if (hosts === undefined || /^postgres(ql)?:\/\/$/.test(url)) return false
  const [first = ''] = hosts.split(',')
  const single = url.replace(hosts, first)
  if (!URL.canParse(single)) return false
  const { username, password, pathname, hash } = new URL(single)
  return hash === '' && [username, password, pathname].every(isDecodable)
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
