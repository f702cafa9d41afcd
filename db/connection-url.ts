/**
 * Reads a PostgreSQL URL as hosters hand it out: what each of its parameters means to our driver.
 *
 * The driver would send every parameter that it does not know to the server as a setting, and a server or pooler refuses
 * the connection then. So each parameter is mapped, dropped or refused here, and the driver gets a URL without any.
 */

/** What the driver is given. */
export interface ConnectionSettings {
  /** Without parameters. */
  readonly url: string
  /** Undefined where the URL does not say. */
  readonly ssl: Tls | undefined
  readonly targetSessionAttrs: SessionAttributes | undefined
  /** Parameters of the start-up packet. */
  readonly startup: Readonly<Record<string, string>>
  /** False where the URL says that a pooler keeps no prepared statements. */
  readonly prepares: boolean
}

export type ParsedConnectionUrl =
  | { readonly ok: true; readonly value: ConnectionSettings }
  /** `reason` names parameters, and no value that was found. */
  | { readonly ok: false; readonly reason: string }

type Tls = false | 'prefer' | 'require' | 'verify-full' | { readonly checkServerIdentity: () => undefined }
type SessionAttributes = Exclude<(typeof SESSION_ATTRIBUTES)[number], 'any'>

export const DATABASE_URL_FORM = 'postgres://user:password@host:port/database'

/** libpq's words, and those of other drivers. `allow` is `prefer`: this driver always asks for TLS first. */
const SSL_MODES: Readonly<Record<string, Tls>> = {
  disable: false,
  allow: 'prefer',
  prefer: 'prefer',
  require: 'require',
  'no-verify': 'require',
  // Of an object the driver takes what Node's TLS knows: the chain is verified, the name is not.
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
  /** The only values that it takes; any unless given. */
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
/** The migrations name the schema of the tables that they refer to. */
const schema: Parameter = { words: ['public'] }

/** Parameters that mean something. */
const MEANINGFUL: Readonly<Record<string, Parameter>> = {
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

/** Parameters that are dropped: other drivers' pools, deadlines that this one has of its own, hints of hosters. */
const HARMLESS = new Set(
  (
    'connect_timeout connection_limit pool_timeout pool_size pool_mode socket_timeout max idle_timeout max_lifetime ' +
    'keepalives keepalives_idle keepalives_interval keepalives_count keep_alive tcp_user_timeout client_encoding ' +
    'fallback_application_name load_balance_hosts sslsni sslcompression uselibpqcompat supa workaround'
  ).split(' ')
)

/** What to do instead, where it is not to leave the parameter out. */
const ADVICE: Readonly<Record<string, string>> = {
  sslrootcert: 'name the file in NODE_EXTRA_CA_CERTS and use sslmode=verify-full',
  statement_timeout: 'leave it out, every statement has a deadline'
}

/** Reads a URL. */
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
    if (HARMLESS.has(name)) continue
    const parameter = Object.hasOwn(MEANINGFUL, name) ? MEANINGFUL[name] : undefined
    if (parameter === undefined) wrong.push(unsupported(name))
    else if (parameter.words && !parameter.words.includes(value))
      wrong.push(`its parameter "${name}" takes only ${parameter.words.join(', ')}`)
    else parameter.apply?.(draft, value)
  }
  const { bindsChannel, ...settings } = draft
  if (bindsChannel && draft.ssl === false) wrong.push('its channel_binding=require contradicts its sslmode=disable')
  if (wrong.length > 0) return { ok: false, reason: wrong.join('; ') }
  // Security: a bound channel exposes a man in the middle. This driver cannot bind it, so the certificate has to.
  return { ok: true, value: { url, ...settings, ssl: bindsChannel ? 'verify-full' : draft.ssl } }
}

/** What opens a connection. @throws {TypeError} on a URL that the check of the settings refuses */
export function connectionSettings(text: string): ConnectionSettings {
  const parsed = parseConnectionUrl(text)
  if (!parsed.ok) throw new TypeError(`Cannot open the database by this URL: ${parsed.reason}`)
  return parsed.value
}

/** Shows a name only where it is a word: a URL that was pasted into another one may hold a password. */
function unsupported(name: string): string {
  const advice = Object.hasOwn(ADVICE, name) ? ADVICE[name] : 'leave it out'
  return `its parameter "${/^[\w-]{1,64}$/.test(name) ? name : '…'}" is not supported: ${advice}`
}

/** Whether the driver can read it. Several hosts, comma-separated, are an addition of libpq's to URLs. */
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
