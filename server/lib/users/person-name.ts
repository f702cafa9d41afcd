/** The names that users may give themselves. */

/** At most this many code points. */
export const NAME_MAX_LENGTH = 100

/**
 * A letter, digit, punctuation mark or symbol that a reader sees. Marks and private characters alone are invisible. The
 * four code points are blank by their shape only, such as a Braille pattern without dots.
 */
const SHOWS = /(?![\p{Default_Ignorable_Code_Point}\u{2800}\u{1d159}\u{13441}\u{13442}])[\p{L}\p{N}\p{P}\p{S}]/u

/**
 * Brings a name into its canonical form: trimmed and NFC.
 *
 * Security: control characters, line separators, bidirectional controls and lone surrogates are refused. In emails and
 * logs they would begin a header or change how a line reads. A name that looks empty is refused as well:
 * its owner would pass for a part of the page or the email.
 *
 * @returns `undefined` for a name that cannot be shown on one line, or that is invisible
 */
export function parsePersonName(text: string): string | undefined {
  const name = text.trim().normalize('NFC')
  const length = [...name].length
  const isPlain = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]+$/u.test(name)
  return isPlain && SHOWS.test(name) && length <= NAME_MAX_LENGTH ? name : undefined
}
