/**
 * The disguises that attackers undo: capitals, characters that stand for letters, and additions that are easy to guess.
 * Callers bring the words that a password is compared with.
 */

import { normalizePassword } from './normalize-password.ts'

/** Characters that are commonly typed for letters. */
const TYPED_FOR: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'il',
  '!': 'il',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't'
}

/** The same table by character code. */
const CODES_TYPED_FOR: ReadonlyMap<number, readonly number[]> = new Map(
  Object.entries(TYPED_FOR).map(([typed, letters]) => [
    typed.charCodeAt(0),
    Array.from(letters, letter => letter.charCodeAt(0))
  ])
)

/** The digits of a keyboard, without and with shift. The index is the digit. */
const DIGIT_ROWS = ['0123456789', ')!@#$%^&*('] as const

const YEAR = /^(?:19|20)\d\d$/

/** Undoes capitals and width. */
export function foldPassword(text: string): string {
  return normalizePassword(text).toLowerCase()
}

/** Whether `typed` is `meant` or commonly stands for it. Both are codes of folded characters. */
export function standsFor(typed: number, meant: number): boolean {
  return typed === meant || CODES_TYPED_FOR.get(typed)?.includes(meant) === true
}

/**
 * A table over bytes in which a character and the letters that it stands for, in both cases, have one value. It also
 * merges letters that `standsFor()` tells apart (`i` and `l`): it finds candidates and decides nothing.
 */
export function disguiseClasses(): Uint8Array {
  const classes = Uint8Array.from({ length: 256 }, (_, code) => code)
  for (const [typed, letters] of CODES_TYPED_FOR) {
    for (const code of [typed, ...letters]) classes[code] = letters[0] as number
  }
  return classes.map((_, code) => classes[lowerCase(code)] as number)
}

/** The code of a byte's character in lower case. Bytes beyond ASCII stay as they are. */
export function lowerCase(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code
}

/**
 * The cost of each character, 1 or 0, for an attacker that tries additions. A run of one character or along the digits of
 * a keyboard (`1234`, `321`, `!!!`, `!@#`) costs 1 in total, a year (1900 to 2099) at most 2.
 *
 * @param characters code points
 */
export function additionWeights(characters: readonly string[]): number[] {
  const weights = characters.map((character, at) => (continuesRun(characters[at - 1], character) ? 0 : 1))
  for (let at = 0; at + 4 <= characters.length; at++) {
    if (YEAR.test(characters.slice(at, at + 4).join(''))) weights.fill(0, at + 2, at + 4)
  }
  return weights
}

function continuesRun(previous: string | undefined, next: string): boolean {
  if (previous === undefined) return false
  if (previous === next) return true
  return DIGIT_ROWS.some(row => {
    const [from, to] = [row.indexOf(previous), row.indexOf(next)]
    // 9 and 0 are neighbours as well.
    return from >= 0 && to >= 0 && [1, 9].includes(Math.abs(from - to))
  })
}
