/** SADD to SPOP: the commands on sets. */
import { type CommandTable, type Run, reads, writes } from './command.ts'
import { isSet, type Keyspace } from './keyspace.ts'
import { parseCount } from './numbers.ts'
import { syntaxError } from './reply.ts'

const spop: Run = (keys, [key = '', count, ...rest]) => {
  if (rest.length > 0) throw syntaxError()
  const wanted = count === undefined ? 1 : parseCount(count)
  const popped = takeRandom(keys, key, wanted)
  return count === undefined ? (popped[0] ?? null) : popped
}

function takeRandom(keys: Keyspace, key: string, wanted: number): string[] {
  const set = keys.get(key, isSet)
  if (!set) return []
  const left = [...set]
  const taken: string[] = []
  while (taken.length < wanted && left.length > 0) {
    taken.push(...left.splice(Math.floor(keys.random() * left.length), 1))
  }
  for (const member of taken) set.delete(member)
  if (set.size === 0) keys.delete(key)
  return taken
}

/** The commands on sets. */
export const setCommands: CommandTable = {
  sadd: writes(-3, (keys, [key = '', ...members]) => {
    const set = keys.getOrCreate(key, isSet, () => new Set())
    const before = set.size
    for (const member of members) set.add(member)
    return set.size - before
  }),
  srem: writes(-3, (keys, [key = '', ...members]) => {
    const set = keys.get(key, isSet)
    const removed = members.filter(member => set?.delete(member)).length
    if (set?.size === 0) keys.delete(key)
    return removed
  }),
  smembers: reads(2, (keys, [key = '']) => [...(keys.get(key, isSet) ?? [])]),
  sismember: reads(3, (keys, [key = '', member = '']) => (keys.get(key, isSet)?.has(member) ? 1 : 0)),
  smismember: reads(-3, (keys, [key = '', ...members]) => {
    const set = keys.get(key, isSet)
    return members.map(member => (set?.has(member) ? 1 : 0))
  }),
  scard: reads(2, (keys, [key = '']) => keys.get(key, isSet)?.size ?? 0),
  spop: writes(-2, spop)
}
