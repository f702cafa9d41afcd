/** The headers of a forwarded request: the client's, without untrusted headers, and ours. */

import { createBoundedMap } from '../contract/bounded-map.ts'
import { HOP_HEADERS, REQUEST_ID_HEADER } from '../contract/http.ts'
import { UNTRUSTED_HEADERS } from './untrusted-headers.ts'

const ALL = UNTRUSTED_HEADERS.flatMap(({ names }) => names)
const NAMES = new Set(ALL.filter(name => !name.endsWith('*')))
const PREFIXES = ALL.filter(name => name.endsWith('*')).map(name => name.slice(0, -1))

/**
 * Removes every untrusted header from a client's headers, in place, and sets ours.
 *
 * Security: `X_Gatehouse_…` becomes the same CGI variable as `X-Gatehouse-…` on many servers, and `X.Gatehouse.…` on
 * some (lighttpd). So every character but letters and digits is read as a hyphen before a name is compared.
 */
export function forwardHeaders(headers: Headers, hop: { [name: string]: string }): Headers {
  const untrusted: string[] = []
  for (const name of headers.keys()) if (isUntrusted(name)) untrusted.push(name)
  for (const name of untrusted) headers.delete(name)
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

/** Clients send the same few names over and over. A longer one comes from an attacker, and is not remembered. */
const MAX_REMEMBERED_CHARACTERS = 64
/** Whether a name is untrusted, for names seen recently. */
const remembered = createBoundedMap<string, boolean>(1_000)

function isUntrusted(name: string): boolean {
  const known = remembered.get(name)
  if (known !== undefined) return known
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')
  const untrusted = NAMES.has(plain) || PREFIXES.some(prefix => plain.startsWith(prefix))
  if (name.length <= MAX_REMEMBERED_CHARACTERS) remembered.set(name, untrusted)
  return untrusted
}
