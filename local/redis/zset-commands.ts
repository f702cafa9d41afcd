/** ZADD to ZPOPMAX: the commands on sorted sets. */
import { type CommandTable, pairs, type Run, reads, writes } from './command.ts'
import { isSortedSet, type Keyspace } from './keyspace.ts'
import { formatDouble, parseCount, parseFloat64, parseIndex } from './numbers.ts'
import { err, type RawReply, syntaxError } from './reply.ts'
import { type Scored, SortedSet } from './sorted-set.ts'
import { parseRange, type RangeBy } from './zset-ranges.ts'

const zsetAt = (keys: Keyspace, key: string) => keys.getOrCreate(key, isSortedSet, () => new SortedSet())
const scoreOf = (set: SortedSet | undefined, member: string) => {
  const score = set?.score(member)
  return score === undefined ? null : formatDouble(score)
}

const addFlags = new Set(['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'])

interface Addition {
  readonly flags: ReadonlySet<string>
  readonly entries: readonly Scored[]
}

function parseAddition(words: readonly string[]): Addition {
  const start = words.findIndex(word => !addFlags.has(word.toUpperCase()))
  const flags = new Set(words.slice(0, start < 0 ? words.length : start).map(word => word.toUpperCase()))
  const rest = start < 0 ? [] : words.slice(start)
  if (rest.length === 0 || rest.length % 2 !== 0) throw syntaxError()
  if (flags.has('NX') && flags.has('XX')) throw err('XX and NX options at the same time are not compatible')
  if ([...flags].filter(flag => /^(?:GT|LT|NX)$/.test(flag)).length > 1) {
    throw err('GT, LT, and/or NX options at the same time are not compatible')
  }
  if (flags.has('INCR') && rest.length > 2) throw err('INCR option supports a single increment-element pair')
  return { flags, entries: pairs(rest, 'zadd').map(([score, member]) => ({ member, score: parseFloat64(score) })) }
}

/** Adds one entry if the flags allow it. Returns the new score, or undefined if they do not. */
function addOne(set: SortedSet, { member, score }: Scored, flags: ReadonlySet<string>): number | undefined {
  const old = set.score(member)
  if (flags.has(old === undefined ? 'XX' : 'NX')) return undefined
  const next = flags.has('INCR') && old !== undefined ? old + score : score
  if (Number.isNaN(next)) throw err('resulting score is not a number (NaN)')
  if (old !== undefined && ((flags.has('GT') && next <= old) || (flags.has('LT') && next >= old))) return undefined
  if (next !== old) set.set(member, next)
  return next
}

function add(keys: Keyspace, key: string, { flags, entries }: Addition): RawReply {
  if (!keys.get(key, isSortedSet) && flags.has('XX')) return flags.has('INCR') ? null : 0
  const set = zsetAt(keys, key)
  let [added, changed] = [0, 0]
  let last: number | undefined
  for (const entry of entries) {
    const old = set.score(entry.member)
    last = addOne(set, entry, flags)
    if (last !== undefined && old === undefined) added++
    else if (last !== undefined && last !== old) changed++
  }
  if (flags.has('INCR')) return last === undefined ? null : formatDouble(last)
  return flags.has('CH') ? added + changed : added
}

interface RangeOptions {
  by: RangeBy
  reverse: boolean
  withScores: boolean
  limit?: { readonly offset: number; readonly count: number }
}

/** Parses the options after the bounds. `fixed` commands (ZREVRANGE …) do not accept BYSCORE, BYLEX or REV. */
function parseRangeOptions(words: readonly string[], start: RangeOptions, fixed: boolean): RangeOptions {
  const options = { ...start }
  for (let at = 0; at < words.length; at++) {
    const word = words[at]?.toUpperCase()
    const [offset, count] = [words[at + 1], words[at + 2]]
    if (word === 'WITHSCORES') options.withScores = true
    else if (word === 'LIMIT' && offset !== undefined && count !== undefined) {
      options.limit = { offset: parseIndex(offset), count: parseIndex(count) }
      at += 2
    } else if (word === 'REV' && !fixed && !options.reverse) options.reverse = true
    else if (word === 'BYSCORE' && !fixed && options.by === 'rank') options.by = 'score'
    else if (word === 'BYLEX' && !fixed && options.by === 'rank') options.by = 'lex'
    else throw syntaxError()
  }
  if (options.limit && options.limit.count !== -1 && options.by === 'rank') {
    throw err('syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX')
  }
  if (options.withScores && options.by === 'lex') {
    throw err('syntax error, WITHSCORES not supported in combination with BYLEX')
  }
  return options
}

function limited(entries: Scored[], limit: RangeOptions['limit']): Scored[] {
  if (!limit) return entries
  if (limit.offset < 0) return []
  return entries.slice(limit.offset, limit.count < 0 ? undefined : limit.offset + limit.count)
}

/** The entries of a range in the requested order. Reversed ranks count from the other end; other bounds are swapped. */
function select(set: SortedSet, min: string, max: string, { by, reverse, limit }: RangeOptions): Scored[] {
  const bounds = reverse && by !== 'rank' ? ([max, min] as const) : ([min, max] as const)
  const [from, to] = parseRange(by, ...bounds)(set)
  if (!reverse) return limited(set.slice(from, to), by === 'rank' ? undefined : limit)
  const slice = by === 'rank' ? set.slice(set.size - to, set.size - from) : set.slice(from, to)
  return limited(slice.reverse(), by === 'rank' ? undefined : limit)
}

const range =
  (by: RangeBy, reverse: boolean, fixed: boolean): Run =>
  (keys, [key = '', min = '', max = '', ...words]) => {
    const options = parseRangeOptions(words, { by, reverse, withScores: false }, fixed)
    // Parses the bounds before it reads the key, so that an invalid bound is an error even without the key.
    parseRange(
      options.by,
      ...(options.reverse && options.by !== 'rank' ? ([max, min] as const) : ([min, max] as const))
    )
    const set = keys.get(key, isSortedSet)
    const entries = set ? select(set, min, max, options) : []
    return options.withScores ? flatten(entries) : entries.map(({ member }) => member)
  }

const flatten = (entries: readonly Scored[]) => entries.flatMap(({ member, score }) => [member, formatDouble(score)])

function removeAll(keys: Keyspace, key: string, set: SortedSet | undefined, members: readonly string[]): number {
  const removed = members.filter(member => set?.delete(member)).length
  if (set?.size === 0) keys.delete(key)
  return removed
}

const removeRange =
  (by: RangeBy): Run =>
  (keys, [key = '', min = '', max = '']) => {
    const places = parseRange(by, min, max)
    const set = keys.get(key, isSortedSet)
    if (!set) return 0
    return removeAll(
      keys,
      key,
      set,
      set.slice(...places(set)).map(({ member }) => member)
    )
  }

const pop =
  (end: 'min' | 'max'): Run =>
  (keys, [key = '', count, ...rest]) => {
    if (rest.length > 0) throw syntaxError()
    const wanted = count === undefined ? 1 : parseCount(count)
    const set = keys.get(key, isSortedSet)
    if (!set) return []
    const popped = end === 'min' ? set.slice(0, wanted) : set.slice(Math.max(0, set.size - wanted), set.size).reverse()
    removeAll(
      keys,
      key,
      set,
      popped.map(({ member }) => member)
    )
    return flatten(popped)
  }

/** The commands on sorted sets. */
export const zsetCommands: CommandTable = {
  zadd: writes(-4, (keys, [key = '', ...words]) => add(keys, key, parseAddition(words))),
  zincrby: writes(4, (keys, [key = '', by = '', member = '']) =>
    add(keys, key, { flags: new Set(['INCR']), entries: [{ member, score: parseFloat64(by) }] })
  ),
  zrem: writes(-3, (keys, [key = '', ...members]) => removeAll(keys, key, keys.get(key, isSortedSet), members)),
  zscore: reads(3, (keys, [key = '', member = '']) => scoreOf(keys.get(key, isSortedSet), member)),
  zmscore: reads(-3, (keys, [key = '', ...members]) => {
    const set = keys.get(key, isSortedSet)
    return members.map(member => scoreOf(set, member))
  }),
  zcard: reads(2, (keys, [key = '']) => keys.get(key, isSortedSet)?.size ?? 0),
  zcount: reads(4, (keys, [key = '', min = '', max = '']) => {
    const places = parseRange('score', min, max)
    const set = keys.get(key, isSortedSet)
    const [from, to] = set ? places(set) : [0, 0]
    return to - from
  }),
  zrank: reads(3, (keys, [key = '', member = '']) => keys.get(key, isSortedSet)?.rank(member) ?? null),
  zrange: reads(-4, range('rank', false, false)),
  zrevrange: reads(-4, range('rank', true, true)),
  zrangebyscore: reads(-4, range('score', false, true)),
  zrevrangebyscore: reads(-4, range('score', true, true)),
  zremrangebyscore: writes(4, removeRange('score')),
  zremrangebyrank: writes(4, removeRange('rank')),
  zpopmin: writes(-2, pop('min')),
  zpopmax: writes(-2, pop('max'))
}
