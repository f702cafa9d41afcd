/** GET to INCRBYFLOAT: the commands on strings. */
import { type CommandTable, pairs, type Run, reads, writes } from './command.ts'
import { type GivenTime, parseExpiry, type TimeForm, timeForms } from './expiry.ts'
import { isString, type Keyspace } from './keyspace.ts'
import { addDecimals, INT64_MIN, isInt64, parseFloat64, parseInt64 } from './numbers.ts'
import { err, integer, OK, syntaxError } from './reply.ts'

interface SetOptions {
  condition?: 'NX' | 'XX'
  get?: true
  keepTtl?: true
  persist?: true
  expiry?: GivenTime
}

/** Reads the options of SET and, with `forGetex`, those of GETEX. At most one option may set the expiry. */
function parseOptions(words: readonly string[], forGetex = false): SetOptions {
  const options: SetOptions = {}
  const free = () => !options.keepTtl && !options.persist && !options.expiry
  for (let at = 0; at < words.length; at++) {
    const word = words[at]?.toUpperCase() ?? ''
    const form = timeForms.get(word)
    const text = words[at + 1]
    if (!forGetex && (word === 'NX' || word === 'XX') && (options.condition ?? word) === word) options.condition = word
    else if (!forGetex && word === 'GET') options.get = true
    else if (!forGetex && word === 'KEEPTTL' && (free() || options.keepTtl)) options.keepTtl = true
    else if (forGetex && word === 'PERSIST' && (free() || options.persist)) options.persist = true
    else if (form && text !== undefined && (free() || options.expiry?.form === form)) {
      options.expiry = { text, form }
      at++
    } else throw syntaxError()
  }
  return options
}

/** Replaces a key and its expiry; by default the key then has no expiry. */
function store(keys: Keyspace, key: string, value: string, expiresAtMs = Number.POSITIVE_INFINITY): void {
  keys.delete(key)
  keys.set(key, value)
  if (expiresAtMs !== Number.POSITIVE_INFINITY) keys.expireAt(key, expiresAtMs)
}

const set: Run = (keys, [key = '', value = '', ...words]) => {
  const { condition, get, keepTtl, expiry } = parseOptions(words)
  const expiresAtMs = expiry && parseExpiry(keys, expiry, 'set')
  const old = get ? (keys.get(key, isString) ?? null) : null
  const exists = keys.peek(key) !== undefined
  if (condition && exists === (condition === 'NX')) return old
  store(keys, key, value, keepTtl ? keys.expiresAtMs(key) : expiresAtMs)
  return get ? old : OK
}

const setFor =
  (command: string, form: TimeForm): Run =>
  (keys, [key = '', text = '', value = '']) => {
    store(keys, key, value, parseExpiry(keys, { text, form }, command))
    return OK
  }

const getex: Run = (keys, [key = '', ...words]) => {
  const { persist, expiry } = parseOptions(words, true)
  const value = keys.get(key, isString)
  if (value === undefined) return null
  if (expiry) keys.expireAt(key, parseExpiry(keys, expiry, 'getex'))
  else if (persist) keys.expireAt(key, Number.POSITIVE_INFINITY)
  return value
}

/** Adds to the integer under a key, keeping its expiry. */
function increment(keys: Keyspace, key: string, by: bigint): number | bigint {
  const sum = parseInt64(keys.get(key, isString) ?? '0') + by
  if (!isInt64(sum)) throw err('increment or decrement would overflow')
  keys.set(key, sum.toString())
  return integer(sum)
}

const incrbyfloat: Run = (keys, [key = '', by = '']) => {
  const old = keys.get(key, isString) ?? '0'
  const operands = [parseFloat64(old), parseFloat64(by)]
  if (!operands.every(Number.isFinite)) throw err('increment would produce NaN or Infinity')
  const sum = addDecimals(old, by)
  keys.set(key, sum)
  return sum
}

/** The commands on strings. */
export const stringCommands: CommandTable = {
  get: reads(2, (keys, [key = '']) => keys.get(key, isString) ?? null),
  set: writes(-3, set),
  setex: writes(4, setFor('setex', { unitMs: 1000n, relative: true })),
  psetex: writes(4, setFor('psetex', { unitMs: 1n, relative: true })),
  setnx: writes(3, (keys, [key = '', value = '']) => {
    if (keys.peek(key) !== undefined) return 0
    store(keys, key, value)
    return 1
  }),
  getset: writes(3, (keys, [key = '', value = '']) => {
    const old = keys.get(key, isString) ?? null
    store(keys, key, value)
    return old
  }),
  getdel: writes(2, (keys, [key = '']) => {
    const old = keys.get(key, isString) ?? null
    keys.delete(key)
    return old
  }),
  getex: writes(-2, getex),
  mget: reads(-2, (keys, names) =>
    names.map(key => {
      const value = keys.peek(key)
      return value !== undefined && isString(value) ? value : null
    })
  ),
  mset: writes(-3, (keys, words) => {
    for (const [key, value] of pairs(words, 'mset')) store(keys, key, value)
    return OK
  }),
  incr: writes(2, (keys, [key = '']) => increment(keys, key, 1n)),
  decr: writes(2, (keys, [key = '']) => increment(keys, key, -1n)),
  incrby: writes(3, (keys, [key = '', by = '']) => increment(keys, key, parseInt64(by))),
  decrby: writes(3, (keys, [key = '', by = '']) => {
    const amount = parseInt64(by)
    if (amount === INT64_MIN) throw err('decrement would overflow')
    return increment(keys, key, -amount)
  }),
  incrbyfloat: writes(3, incrbyfloat),
  append: writes(3, (keys, [key = '', tail = '']) => {
    const value = (keys.get(key, isString) ?? '') + tail
    keys.set(key, value)
    return value.length
  }),
  strlen: reads(2, (keys, [key = '']) => keys.get(key, isString)?.length ?? 0)
}
