/** Reads the cookies of a request, byte for byte. Setting them is left to @fastify/cookie. */

import type { IncomingHttpHeaders } from 'node:http'

/**
 * The values of all cookies of one name, in the order in which they were sent (RFC 6265 §5.4).
 *
 * Security: nothing is decoded, unquoted or trimmed, so a value has one spelling here and in every log and filter on the
 * way. Only the blanks between two pairs are skipped.
 */
export function readCookies({ cookie }: IncomingHttpHeaders, name: string): string[] {
  if (cookie === undefined) return []
  return cookie
    .split(';')
    .map(pair => pair.replace(/^[ \t]+/, ''))
    .filter(pair => pair.startsWith(`${name}=`))
    .map(pair => pair.slice(name.length + 1))
}
