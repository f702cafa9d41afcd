/** LPUSH to LINDEX: the commands on lists, which are plain arrays. */
import { type CommandTable, type Run, reads, writes } from './command.ts'
import { isList } from './keyspace.ts'
import { parseCount, parseIndex } from './numbers.ts'
import { arityError, OK } from './reply.ts'

/** `start` and `stop` of Redis, both inclusive and negative from the end, as the half-open range of `slice`. */
export function sliceRange(start: number, stop: number, length: number): [from: number, to: number] {
  const from = Math.max(0, start < 0 ? start + length : start)
  const to = Math.min(length, (stop < 0 ? stop + length : stop) + 1)
  return from < to ? [from, to] : [0, 0]
}

const push =
  (end: 'left' | 'right'): Run =>
  (keys, [key = '', ...items]) => {
    const list = keys.getOrCreate(key, isList, () => [])
    // One by one, because spreading a long list would overflow the stack.
    for (const item of items) end === 'left' ? list.unshift(item) : list.push(item)
    return list.length
  }

const pop =
  (end: 'left' | 'right', command: string): Run =>
  (keys, [key = '', count, ...rest]) => {
    if (rest.length > 0) throw arityError(command)
    const wanted = count === undefined ? 1 : parseCount(count)
    const list = keys.get(key, isList)
    if (!list) return null
    const popped = end === 'left' ? list.splice(0, wanted) : wanted === 0 ? [] : list.splice(-wanted).reverse()
    if (list.length === 0) keys.delete(key)
    return count === undefined ? (popped[0] ?? null) : popped
  }

/** The commands on lists. */
export const listCommands: CommandTable = {
  lpush: writes(-3, push('left')),
  rpush: writes(-3, push('right')),
  lpop: writes(-2, pop('left', 'lpop')),
  rpop: writes(-2, pop('right', 'rpop')),
  llen: reads(2, (keys, [key = '']) => keys.get(key, isList)?.length ?? 0),
  lindex: reads(3, (keys, [key = '', index = '']) => {
    const list = keys.get(key, isList)
    return list ? (list.at(parseIndex(index)) ?? null) : null
  }),
  lrange: reads(4, (keys, [key = '', start = '', stop = '']) => {
    const bounds = [parseIndex(start), parseIndex(stop)] as const
    const list = keys.get(key, isList) ?? []
    return list.slice(...sliceRange(...bounds, list.length))
  }),
  ltrim: writes(4, (keys, [key = '', start = '', stop = '']) => {
    const bounds = [parseIndex(start), parseIndex(stop)] as const
    const list = keys.get(key, isList)
    if (!list) return OK
    const kept = list.slice(...sliceRange(...bounds, list.length))
    if (kept.length === 0) keys.delete(key)
    else keys.set(key, kept)
    return OK
  })
}
