/** SDIFFSTORE, SUNIONSTORE and ZUNION: commands over several keys, as far as `@upstash/ratelimit` needs them. */
import { type CommandTable, type Run, reads, writes } from './command.ts'
import { isSet, isSortedSet, type Keyspace, type Value } from './keyspace.ts'
import { formatDouble, parseFloat64, parseIndex } from './numbers.ts'
import { err, syntaxError } from './reply.ts'
import { type Scored, SortedSet } from './sorted-set.ts'

type Combine = (first: ReadonlySet<string>, others: readonly ReadonlySet<string>[]) => ReadonlySet<string>

/** Every source is read before the destination changes: it may be one of them. */
const store =
  (combine: Combine): Run =>
  (keys, [destination = '', ...sources]) => {
    const [first = new Set<string>(), ...others] = sources.map(source => keys.get(source, isSet) ?? new Set<string>())
    const combined = new Set(combine(first, others))
    // Removes the old value of any type, with its expiry.
    keys.delete(destination)
    if (combined.size > 0) keys.set(destination, combined)
    return combined.size
  }

const difference: Combine = (first, others) =>
  new Set([...first].filter(member => !others.some(other => other.has(member))))
const union: Combine = (first, others) => new Set([first, ...others].flatMap(set => [...set]))

const aggregates: Readonly<Record<string, (a: number, b: number) => number>> = {
  SUM: (a, b) => orZero(a + b),
  MIN: (a, b) => (b < a ? b : a),
  MAX: (a, b) => (b > a ? b : a)
}

/** `inf` plus `-inf` is not a number; Redis uses 0. */
const orZero = (score: number) => (Number.isNaN(score) ? 0 : score)

interface UnionOptions {
  readonly weights: readonly number[]
  readonly aggregate: (a: number, b: number) => number
  readonly withScores: boolean
}

function parseUnionOptions(words: readonly string[], count: number): UnionOptions {
  let weights: number[] = Array(count).fill(1)
  let aggregate = aggregates.SUM as UnionOptions['aggregate']
  let withScores = false
  for (let at = 0; at < words.length; at++) {
    const word = words[at]?.toUpperCase()
    const left = words.length - at - 1
    if (word === 'WEIGHTS' && left >= count) {
      const notAFloat = () => err('weight value is not a float')
      weights = words.slice(at + 1, at + 1 + count).map(weight => parseFloat64(weight, notAFloat))
      at += count
    } else if (word === 'AGGREGATE' && left >= 1) {
      const name = (words[++at] ?? '').toUpperCase()
      const found = Object.hasOwn(aggregates, name) ? aggregates[name] : undefined
      if (found === undefined) throw syntaxError()
      aggregate = found
    } else if (word === 'WITHSCORES') withScores = true
    else throw syntaxError()
  }
  return { weights, aggregate, withScores }
}

const isAnySet = (value: Value): value is Set<string> | SortedSet => isSet(value) || isSortedSet(value)

/** The members of a sorted set, or those of a plain set with score 1. */
function scoredAt(keys: Keyspace, key: string): readonly Scored[] {
  const value = keys.get(key, isAnySet)
  if (value === undefined) return []
  if (isSortedSet(value)) return value.slice(0, value.size)
  return [...value].map(member => ({ member, score: 1 }))
}

const zunion: Run = (keys, [counted = '', ...rest]) => {
  const count = parseIndex(counted)
  if (count < 1) throw err("at least 1 input key is needed for 'zunion' command")
  if (count > rest.length) throw syntaxError()
  const sources = rest.slice(0, count).map(key => scoredAt(keys, key))
  const { weights, aggregate, withScores } = parseUnionOptions(rest.slice(count), count)
  const weighed = sources.map((entries, i) =>
    entries.map(({ member, score }) => ({ member, score: orZero(score * (weights[i] ?? 1)) }))
  )
  const all = new SortedSet()
  // From the smallest set to the largest, as in Redis: the order affects sums with infinities.
  for (const entries of weighed.sort((a, b) => a.length - b.length)) {
    for (const { member, score } of entries) {
      const known = all.score(member)
      all.set(member, known === undefined ? score : aggregate(known, score))
    }
  }
  const found = all.slice(0, all.size)
  return found.flatMap(({ member, score }) => (withScores ? [member, formatDouble(score)] : [member]))
}

/** The commands over several sets. */
export const unionCommands: CommandTable = {
  sdiffstore: writes(-3, store(difference)),
  sunionstore: writes(-3, store(union)),
  zunion: reads(-3, zunion)
}
