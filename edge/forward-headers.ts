/** The headers of a forwarded request: what the client sent, less everything that only we may say. */

import { HOP_HEADERS, REQUEST_ID_HEADER } from './contract/http.ts'

/** What proxies tell each other about a client. Ours is signed; anybody else's is hearsay. */
const HEARSAY = new Set([
  REQUEST_ID_HEADER,
  'forwarded',
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
  'x-user-id',
  'x-user-email',
  'remote-user'
])

const HEARSAY_PREFIXES = [
  'x-gatehouse-',
  'x-forwarded-',
  'x-original-',
  'x-rewrite-',
  'x-remote-',
  'x-auth-',
  'x-authenticated-',
  'x-envoy-',
  'cf-'
]

/**
 * Copies a client's headers without any header that could be taken for ours.
 *
 * Security: `X_Gatehouse_…` becomes the same CGI variable as `X-Gatehouse-…` on many a server,
 * so underscores are read as hyphens before anything is compared.
 */
export function forwardHeaders(inbound: Headers, hop: { [name: string]: string }): Headers {
  const outbound = new Headers()
  for (const [name, value] of inbound) {
    if (!isHearsay(name.toLowerCase().replaceAll('_', '-'))) outbound.append(name, value)
  }
  for (const [name, value] of Object.entries(hop)) outbound.set(name, value)
  return outbound
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

function isHearsay(name: string): boolean {
  return HEARSAY.has(name) || HEARSAY_PREFIXES.some(prefix => name.startsWith(prefix))
}
