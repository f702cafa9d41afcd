/** Ranges of sorted sets by rank, score or bytes, as half-open ranges of places. */
import { sliceRange } from './list-commands.ts'
import { parseIndex, readBound } from './numbers.ts'
import { err } from './reply.ts'
import type { Scored, SortedSet } from './sorted-set.ts'

/** How the two bounds of a range are read. */
export type RangeBy = 'rank' | 'score' | 'lex'

/** The half-open range of places between two bounds in a set, lowest first. */
export type Places = (set: SortedSet) => [from: number, to: number]

/** Parses a pair of bounds. Throws the error of Redis for an invalid bound. */
export function parseRange(by: RangeBy, min: string, max: string): Places {
  if (by === 'score') return between(parseScoreBound(min), parseScoreBound(max))
  if (by === 'lex') return between(parseLexBound(min), parseLexBound(max))
  const bounds = [parseIndex(min), parseIndex(max)] as const
  return set => sliceRange(...bounds, set.size)
}

/** One bound. `compare` is negative below it, 0 on it, positive above it. */
interface Bound {
  readonly exclusive: boolean
  compare(entry: Scored): number
}

function between(min: Bound, max: Bound): Places {
  return set => {
    const from = set.firstWhere(entry => min.compare(entry) > 0 || (!min.exclusive && min.compare(entry) === 0))
    const to = set.firstWhere(entry => max.compare(entry) > 0 || (max.exclusive && max.compare(entry) === 0))
    return from < to ? [from, to] : [0, 0]
  }
}

function parseScoreBound(text: string): Bound {
  const exclusive = text.startsWith('(')
  const bound = readBound(exclusive ? text.slice(1) : text)
  if (Number.isNaN(bound)) throw err('min or max is not a float')
  return { exclusive, compare: ({ score }) => Math.sign(score === bound ? 0 : score - bound) }
}

function parseLexBound(text: string): Bound {
  if (text === '-') return { exclusive: false, compare: () => 1 }
  if (text === '+') return { exclusive: false, compare: () => -1 }
  if (!/^[[(]/.test(text)) throw err('min or max not valid string range item')
  const bound = text.slice(1)
  const compare = ({ member }: Scored) => (member === bound ? 0 : member < bound ? -1 : 1)
  return { exclusive: text.startsWith('('), compare }
}
