/** The words by which users are found. Index and query must share one expression, or the index is not used. */

import type { SQL, SQLWrapper } from 'drizzle-orm'
import { sql } from '../drizzle.ts'

/** The separators of words besides spaces: ASCII punctuation. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'

/** The words of a name and an email address, in lower case, as a `tsvector`, without a dictionary or a parser. */
export function wordsOf(name: SQLWrapper, email: SQLWrapper): SQL {
  const blanks = ' '.repeat(PUNCTUATION.length)
  const toBlanks = sql.raw(`'${PUNCTUATION.replace("'", "''")}', '${blanks}'`)
  return sql`array_to_tsvector(regexp_split_to_array(btrim(translate(lower(${name} || ' ' || ${email}), ${toBlanks})), ' +'))`
}

/**
 * Parses a search into a `tsquery`. Each of its words has to begin a word of the name or the email address.
 *
 * @returns `undefined` if the text contains no word
 */
export function parseSearch(text: string): string | undefined {
  // Security: a quote or a backslash would end or escape a quoted word of a tsquery. Both are separators here.
  const words = text.normalize('NFC').split(/[\p{Cc}\p{Z}\p{Cs}!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]+/u)
  const prefixes = words.filter(word => word !== '').map(word => `'${word}':*`)
  return prefixes.length === 0 ? undefined : prefixes.join(' & ')
}
