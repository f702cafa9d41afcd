/** What people may call themselves. */

/** At most this many code points. */
export const NAME_MAX_LENGTH = 100

/**
 * A letter, digit, punctuation or symbol that a reader sees: marks and private characters alone do not show. The four
 * that are named are blank by their shape only, such as a Braille pattern without dots.
 */
const SHOWS = /(?![\p{Default_Ignorable_Code_Point}\u{2800}\u{1d159}\u{13441}\u{13442}])[\p{L}\p{N}\p{P}\p{S}]/u

/**
 * Trimmed and NFC.
 *
 * Security: no control or line-separating characters, none that turn text around, no lone surrogates: a name is put
 * into emails and logs, where they would begin a header or make it read as something else. A name that looks empty
 * would let its owner pass for a part of the page or the email that shows it.
 *
 * @returns `undefined` for anything that cannot be shown on one line, or that does not show
 */
export function parsePersonName(text: string): string | undefined {
  const name = text.trim().normalize('NFC')
  const length = [...name].length
  const sound = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]+$/u.test(name)
  return sound && SHOWS.test(name) && length <= NAME_MAX_LENGTH ? name : undefined
}
