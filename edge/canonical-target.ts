/** One spelling for every request target, used for policy and for forwarding alike, so that the two cannot differ. */

/** A request target in its canonical spelling. */
export interface CanonicalTarget {
  readonly path: string
  /** Empty, or `?` and the query as it came. */
  readonly search: string
}

/** What the URL parser made of a request target. */
export type ParsedTarget = Pick<URL, 'pathname' | 'search'>

/** Characters that never need an escape in a path (RFC 3986 §2.3). */
const UNRESERVED = /[A-Za-z0-9._~-]/

/**
 * Brings a URL's path into its canonical spelling: needless escapes decoded once, others in upper case,
 * double slashes collapsed. The URL parser has already resolved dot segments, escaped ones too.
 *
 * Security: an encoded slash, backslash or control character means one thing to one reader and another to the
 * next, and a path that the edge and the origin read differently walks around every policy. Those are refused.
 *
 * @returns `undefined` for a path that could be read in two ways
 */
export function canonicalTarget({ pathname, search }: ParsedTarget): CanonicalTarget | undefined {
  if (/%(?![0-9a-f]{2})|%(?:2f|5c|[01][0-9a-f]|7f)|\\/i.test(pathname)) return undefined
  const path = pathname.replaceAll(/%[0-9a-f]{2}/gi, decodeUnreserved).replaceAll(/\/{2,}/g, '/')
  // Decoding may have laid bare a dot segment that the URL parser had no reason to see; and to some origins `..;x` is one.
  if (/(^|\/)\.{1,2}(?:(?:;|%3B)[^/]*)?(\/|$)/.test(path)) return undefined
  return { path, search }
}

function decodeUnreserved(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return UNRESERVED.test(character) ? character : escaped.toUpperCase()
}
