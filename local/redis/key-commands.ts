/** DEL to RENAME: the commands on keys of any type. */
import { type CommandTable, type Run, reads, writes } from './command.ts'
import { parseExpiry, type TimeForm } from './expiry.ts'
import { globToRegExp } from './glob.ts'
import { type Keyspace, typeName } from './keyspace.ts'
import { parseIndex } from './numbers.ts'
import { err, OK, Status, syntaxError } from './reply.ts'

const remove: Run = (keys, names) => names.filter(key => keys.delete(key)).length

function parseExpireFlags(words: readonly string[]): ReadonlySet<string> {
  const flags = new Set<string>()
  for (const word of words) {
    const flag = word.toUpperCase()
    if (!['NX', 'XX', 'GT', 'LT'].includes(flag)) throw err(`Unsupported option ${word}`)
    flags.add(flag)
  }
  if (flags.has('NX') && flags.size > 1) {
    throw err('NX and XX, GT or LT options at the same time are not compatible')
  }
  if (flags.has('GT') && flags.has('LT')) throw err('GT and LT options at the same time are not compatible')
  return flags
}

/** Whether the flags allow `currentMs` to become `nextMs`. A key without an expiry counts as infinitely late. */
function mayExpire(flags: ReadonlySet<string>, currentMs: number, nextMs: number): boolean {
  const lasting = currentMs === Number.POSITIVE_INFINITY
  if (flags.has('NX') && !lasting) return false
  if (flags.has('XX') && lasting) return false
  if (flags.has('GT') && nextMs <= currentMs) return false
  return !(flags.has('LT') && nextMs >= currentMs)
}

const expireBy =
  (command: string, form: TimeForm): Run =>
  (keys, [key = '', text = '', ...words]) => {
    const flags = parseExpireFlags(words)
    const nextMs = parseExpiry(keys, { text, form }, command, true)
    const currentMs = keys.expiresAtMs(key)
    if (currentMs === undefined || !mayExpire(flags, currentMs, nextMs)) return 0
    keys.expireAt(key, nextMs)
    return 1
  }

/** The time a key has left in ms; -1 without an expiry, -2 without the key. */
function timeLeft(keys: Keyspace, key: string): number {
  const atMs = keys.expiresAtMs(key)
  if (atMs === undefined) return -2
  return atMs === Number.POSITIVE_INFINITY ? -1 : atMs - keys.nowMs
}

interface ScanOptions {
  match?: RegExp
  type?: string
  count: number
}

function parseScanOptions(words: readonly string[]): ScanOptions {
  const options: ScanOptions = { count: 10 }
  for (let at = 0; at < words.length; at += 2) {
    const [word, value] = [words[at]?.toUpperCase(), words[at + 1]]
    if (value === undefined) throw syntaxError()
    if (word === 'MATCH') options.match = globToRegExp(value)
    else if (word === 'TYPE') options.type = value.toLowerCase()
    else if (word === 'COUNT') {
      options.count = parseIndex(value)
      if (options.count < 1) throw syntaxError()
    } else throw syntaxError()
  }
  return options
}

/** The cursor is the serial number of the last key seen, so a key that exists during the whole scan is returned once. */
const scan: Run = (keys, [cursor = '', ...words]) => {
  if (!/^\d{1,20}$/.test(cursor)) throw err('invalid cursor')
  const { match, type, count } = parseScanOptions(words)
  const found: string[] = []
  let looked = 0
  let last = 0
  for (const [key, value, serial] of keys.after(Number(cursor))) {
    if (looked++ === count) return [String(last), found]
    last = serial
    if ((!match || match.test(key)) && (!type || type === typeName(value))) found.push(key)
  }
  return ['0', found]
}

const rename: Run = (keys, [from = '', to = '']) => {
  const value = keys.peek(from)
  const expiresAtMs = keys.expiresAtMs(from)
  if (value === undefined || expiresAtMs === undefined) throw err('no such key')
  if (from === to) return OK
  keys.delete(from)
  keys.delete(to)
  keys.set(to, value)
  keys.expireAt(to, expiresAtMs)
  return OK
}

/** The commands on keys of any type. */
export const keyCommands: CommandTable = {
  del: writes(-2, remove),
  unlink: writes(-2, remove),
  exists: reads(-2, (keys, names) => names.filter(key => keys.peek(key) !== undefined).length),
  type: reads(2, (keys, [key = '']) => {
    const value = keys.peek(key)
    return new Status(value === undefined ? 'none' : typeName(value))
  }),
  expire: writes(-3, expireBy('expire', { unitMs: 1000n, relative: true })),
  pexpire: writes(-3, expireBy('pexpire', { unitMs: 1n, relative: true })),
  expireat: writes(-3, expireBy('expireat', { unitMs: 1000n, relative: false })),
  pexpireat: writes(-3, expireBy('pexpireat', { unitMs: 1n, relative: false })),
  pttl: reads(2, (keys, [key = '']) => timeLeft(keys, key)),
  ttl: reads(2, (keys, [key = '']) => {
    const leftMs = timeLeft(keys, key)
    return leftMs < 0 ? leftMs : Math.floor((leftMs + 500) / 1000)
  }),
  persist: writes(2, (keys, [key = '']) => {
    if (timeLeft(keys, key) < 0) return 0
    keys.expireAt(key, Number.POSITIVE_INFINITY)
    return 1
  }),
  keys: reads(2, (keys, [pattern = '']) => {
    const match = globToRegExp(pattern)
    return [...keys.after(0)].map(([key]) => key).filter(key => match.test(key))
  }),
  scan: reads(-2, scan),
  rename: writes(3, rename)
}
