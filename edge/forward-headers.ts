/** The headers of a forwarded request: what the client sent, less everything that only we may say. */

import { createBoundedMap } from './contract/bounded-map.ts'
import { HOP_HEADERS, REQUEST_ID_HEADER } from './contract/http.ts'

/** What proxies tell each other about a client. Ours is signed; anybody else's is hearsay. */
const HEARSAY = new Set([
  REQUEST_ID_HEADER,
  'forwarded',
  'x-forwarded',
  'proxy-authorization',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-originating-ip',
  'client-ip',
  'true-client-ip',
  'fastly-client-ip',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-user',
  'remote-user'
])

const HEARSAY_PREFIXES = [
  'x-gatehouse-',
  'x-forwarded-',
  'x-original-',
  'x-rewrite-',
  'x-remote-',
  'x-user-',
  'x-auth-',
  'x-authenticated-',
  'x-envoy-',
  'cf-'
]

/**
 * Takes every header that could be taken for ours out of a client's headers, in place, and puts ours in.
 *
 * Security: `X_Gatehouse_…` becomes the same CGI variable as `X-Gatehouse-…` on many a server,
 * so underscores are read as hyphens before anything is compared.
 */
export function forwardHeaders(headers: Headers, hop: { [name: string]: string }): Headers {
  const hearsay: string[] = []
  for (const name of headers.keys()) if (isHearsay(name)) hearsay.push(name)
  for (const name of hearsay) headers.delete(name)
  for (const [name, value] of Object.entries(hop)) headers.set(name, value)
  return headers
}

/** The headers that carry a signed hop. */
export function hopHeaders(hop: { clientAddress: string; timeMs: number; requestId: string }, signature: string) {
  return {
    [HOP_HEADERS.clientAddress]: hop.clientAddress,
    [HOP_HEADERS.timeMs]: String(hop.timeMs),
    [HOP_HEADERS.signature]: signature,
    [REQUEST_ID_HEADER]: hop.requestId
  }
}

/** Clients send the same few names over and over; a longer one is a stranger's. */
const MAX_REMEMBERED_CHARACTERS = 64
const VERDICTS = createBoundedMap<string, boolean>(1_000)

function isHearsay(name: string): boolean {
  const known = VERDICTS.get(name)
  if (known !== undefined) return known
  const plain = name.toLowerCase().replaceAll('_', '-')
  const verdict = HEARSAY.has(plain) || HEARSAY_PREFIXES.some(prefix => plain.startsWith(prefix))
  if (name.length <= MAX_REMEMBERED_CHARACTERS) VERDICTS.set(name, verdict)
  return verdict
}
