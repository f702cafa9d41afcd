/** The words by which people are found: one expression for the index and for the query, or the index is not used. */

import type { SQL, SQLWrapper } from 'drizzle-orm'
import { sql } from '../drizzle.ts'

/** What separates words: ASCII punctuation, besides spaces. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'

/** The words of a name and an address, in lower case, as a `tsvector`: no dictionary and no parser is involved. */
export function wordsOf(name: SQLWrapper, email: SQLWrapper): SQL {
  const blanks = ' '.repeat(PUNCTUATION.length)
  const toBlanks = sql.raw(`'${PUNCTUATION.replace("'", "''")}', '${blanks}'`)
  return sql`array_to_tsvector(regexp_split_to_array(btrim(translate(lower(${name} || ' ' || ${email}), ${toBlanks})), ' +'))`
}

/**
 * A search as a `tsquery`: each of its words has to begin a word of the person's.
 *
 * @returns `undefined` where the text holds no word
 */
export function parseSearch(text: string): string | undefined {
  // Security: quotes and backslashes end or escape a quoted word of a tsquery; they never get in.
  const words = text.normalize('NFC').split(/[\p{Cc}\p{Z}\p{Cs}!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]+/u)
  const prefixes = words.filter(word => word !== '').map(word => `'${word}':*`)
  return prefixes.length === 0 ? undefined : prefixes.join(' & ')
}
