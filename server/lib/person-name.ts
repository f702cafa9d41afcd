/** What people may call themselves. */

/** At most this many code points. */
export const NAME_MAX_LENGTH = 100

/**
 * Trimmed and NFC.
 *
 * Security: no control, format or line-separating characters; a name is put into mails and logs, where they would
 * begin a header or turn the text around.
 *
 * @returns `undefined` for anything that cannot be shown on one line
 */
export function parsePersonName(text: string): string | undefined {
  const name = text.trim().normalize('NFC')
  const length = [...name].length
  const shows = /^[^\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+$/u.test(name)
  return shows && length <= NAME_MAX_LENGTH ? name : undefined
}
