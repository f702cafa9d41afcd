/** Tells an operator, now and then, that genuine tokens are refused because a setting of the verifier differs. */

/** A genuine token, its signature verified, that the verifier's own options refuse. Both values are printable ASCII. */
export interface Mismatch {
  /** The claim, or `life` for `exp - iat` in seconds. */
  readonly claim: 'iss' | 'aud' | 'life'
  readonly expected: string
  readonly found: string
}

/** Notes a mismatch; told at most once a minute, whatever arrives. */
export type NoteMismatch = (claim: Mismatch['claim'], expected: unknown, found: unknown, nowMs: number) => void

const EVERY_MS = 60_000
const MAX_CHARACTERS = 256

/** Creates the notes of one verifier. */
export function createMismatchNotes(onMismatch: ((mismatch: Mismatch) => void) | undefined): NoteMismatch {
  let toldAtMs = Number.NEGATIVE_INFINITY
  return (claim, expected, found, nowMs) => {
    // Either way: a clock that was set back must not silence it for long.
    if (onMismatch === undefined || Math.abs(nowMs - toldAtMs) < EVERY_MS) return
    toldAtMs = nowMs
    onMismatch({ claim, expected: printable(expected), found: printable(found) })
  }
}

/** Security: a value that breaks a line or holds a terminal's control sequences would forge a log (CWE-117). */
function printable(value: unknown): string {
  const escaped = Array.from(String(value).slice(0, MAX_CHARACTERS), character =>
    /[ -~]/.test(character) ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`
  )
  return escaped.join('')
}
