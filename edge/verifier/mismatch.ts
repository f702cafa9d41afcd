/** Reports to the operator that genuine tokens are refused because a setting of the verifier differs. */

/** A genuine token, its signature verified, that the verifier's own options refuse. Both values are printable ASCII. */
export interface Mismatch {
  /** The claim, or `life` for `exp - iat` in seconds. */
  readonly claim: 'iss' | 'aud' | 'life'
  readonly expected: string
  readonly found: string
}

/** Notes a mismatch, and reports at most one a minute. */
export type NoteMismatch = (claim: Mismatch['claim'], expected: unknown, found: unknown, nowMs: number) => void

const REPORT_EVERY_MS = 60_000
const MAX_CHARACTERS = 256

/** Creates the notes of one verifier. */
export function createMismatchNotes(onMismatch: ((mismatch: Mismatch) => void) | undefined): NoteMismatch {
  let reportedAtMs = Number.NEGATIVE_INFINITY
  return (claim, expected, found, nowMs) => {
    // In both directions: a clock that was set back must not silence the reports for long.
    if (onMismatch === undefined || Math.abs(nowMs - reportedAtMs) < REPORT_EVERY_MS) return
    reportedAtMs = nowMs
    onMismatch({ claim, expected: printable(expected), found: printable(found) })
  }
}

/** Security: a line break or a terminal's control sequence in a value would forge log lines (CWE-117). */
function printable(value: unknown): string {
  const escaped = Array.from(String(value).slice(0, MAX_CHARACTERS), character =>
    /[ -~]/.test(character) ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`
  )
  return escaped.join('')
}
