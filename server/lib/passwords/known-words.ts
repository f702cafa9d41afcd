/** Whether a password is made of words that an attacker knows about its owner. Callers bring the words. */

import { additionWeights, foldPassword, standsFor } from './password-disguise.ts'

/** Code points. Shorter pieces (`Al`, `de`) occur in too many passwords. */
const MIN_PIECE_LENGTH = 3

/**
 * Whether a password is one or more of the words with a few characters added.
 *
 * A word counts whole and by its pieces between blanks and symbols, in any case, and with characters that stand for
 * letters (`standsFor()`). The rest of the password weighs no more (`additionWeights()`) than the words have characters:
 * of `ada@example.com`, `Ada-1815!` is refused and `Ada-likes-7-cats` is not.
 */
export function isMadeOfKnownWords(password: string, words: readonly string[]): boolean {
  const characters = [...foldPassword(password)]
  const codes = characters.map(character => character.codePointAt(0) as number)
  const isKnown = new Array<boolean>(characters.length).fill(false)
  for (const piece of piecesOf(words)) {
    for (let at = 0; at + piece.length <= codes.length; at++) {
      if (piece.every((code, i) => standsFor(codes[at + i] as number, code))) isKnown.fill(true, at, at + piece.length)
    }
  }
  const known = isKnown.filter(Boolean).length
  const rest = additionWeights(characters).filter((weight, at) => weight > 0 && !isKnown[at]).length
  return known > 0 && rest <= known
}

/** Code points of each piece, and of all pieces of a word joined. */
function piecesOf(words: readonly string[]): number[][] {
  const pieces = words.flatMap(word => {
    const parts = foldPassword(word).split(/[^\p{L}\p{M}\p{N}]+/u)
    return [...parts, parts.join('')]
  })
  return [...new Set(pieces)]
    .map(piece => Array.from(piece, character => character.codePointAt(0) as number))
    .filter(piece => piece.length >= MIN_PIECE_LENGTH)
}
