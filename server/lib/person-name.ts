/** What people may call themselves. */

/** At most this many code points. */
export const NAME_MAX_LENGTH = 100

/**
 * Trimmed and NFC.
 *
 * Security: no control or line-separating characters, none that turn text around, no lone surrogates: a name is put
 * into mails and logs, where they would begin a header or make it read as something else.
 *
 * @returns `undefined` for anything that cannot be shown on one line
 */
export function parsePersonName(text: string): string | undefined {
  const name = text.trim().normalize('NFC')
  const length = [...name].length
  const sound = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]+$/u.test(name)
  const shows = /[^\s\p{Default_Ignorable_Code_Point}]/u.test(name)
  return sound && shows && length <= NAME_MAX_LENGTH ? name : undefined
}
