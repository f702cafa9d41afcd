/** One spelling for every request target, used for policy and for forwarding alike, so that the two cannot differ. */

/** A request target in its canonical spelling. */
export interface CanonicalTarget {
  readonly path: string
  /** Empty, or `?` and the query as it came. */
  readonly search: string
}

/** A request target after the URL parser. */
export type ParsedTarget = Pick<URL, 'pathname' | 'search'>

/** Characters that never need an escape in a path (RFC 3986 §2.3). */
const UNRESERVED = /[A-Za-z0-9._~-]/

/**
 * Broken escapes; escaped slashes, backslashes and control characters; a backslash; bytes of overlong UTF-8 (RFC 3629
 * §3).
 */
const AMBIGUOUS = /%(?![0-9a-f]{2})|%(?:2f|5c|[01][0-9a-f]|7f)|\\|%c[01]|%e0%[89]|%f0%8/i

/** An escape of an escape: some servers decode it once, others twice. */
const ESCAPED_TWICE = /%25(?:[0-9a-f]{2}|u)/i

/** A dot segment that decoding laid bare. To some origins `..;x` is a dot segment, and to others `.. `. */
const DOT_SEGMENT = /(^|\/)(?:%20)*\.{1,2}(?:%20)*(?:(?:;|%3B)[^/]*)?(\/|$)/

/**
 * Brings a URL's path into its canonical spelling: needless escapes decoded once, others in upper case,
 * double slashes collapsed. The URL parser has already resolved dot segments, escaped ones too.
 *
 * Security: servers read an encoded slash, backslash or control character in different ways. A path that the edge and
 * the origin read differently evades every policy. So does an escape of an escape, and a character that some servers
 * normalise to a dot or a slash. Such paths are refused.
 *
 * @returns `undefined` for a path that could be read in two ways
 */
export function canonicalTarget({ pathname, search }: ParsedTarget): CanonicalTarget | undefined {
  if (AMBIGUOUS.test(pathname)) return undefined
  const path = pathname.replaceAll(/%[0-9a-f]{2}/gi, decodeUnreserved).replaceAll(/\/{2,}/g, '/')
  if (DOT_SEGMENT.test(path) || ESCAPED_TWICE.test(path)) return undefined
  if (path.match(NON_ASCII)?.some(readsAsSyntax)) return undefined
  return { path, search }
}

/** Runs of escaped bytes beyond ASCII. */
const NON_ASCII = /(?:%[89A-F][0-9A-F])+/g
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Whether a reader that normalises (NFKC), or maps to a code page of Windows, finds `.`, `/`, `\`, `%` or `;` in it.
 */
function readsAsSyntax(run: string): boolean {
  const text = utf8.decode(Uint8Array.from(run.slice(1).split('%'), pair => Number.parseInt(pair, 16)))
  return /[./\\%;]/.test(text.normalize('NFKC')) || /[\u2044\u2215\u2216]/.test(text)
}

function decodeUnreserved(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return UNRESERVED.test(character) ? character : escaped.toUpperCase()
}
