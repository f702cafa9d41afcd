/** HSET to HINCRBY: the commands on hashes. */
import { type CommandTable, pairs, reads, writes } from './command.ts'
import { isHash, type Keyspace } from './keyspace.ts'
import { isInt64, parseInt64 } from './numbers.ts'
import { err, integer } from './reply.ts'

const hashAt = (keys: Keyspace, key: string) => keys.getOrCreate(key, isHash, () => new Map())
const fieldsOf = (keys: Keyspace, key: string) => [...(keys.get(key, isHash) ?? [])]

/** The commands on hashes. */
export const hashCommands: CommandTable = {
  hset: writes(-4, (keys, [key = '', ...words]) => {
    const fields = pairs(words, 'hset')
    const hash = hashAt(keys, key)
    const before = hash.size
    for (const [field, value] of fields) hash.set(field, value)
    return hash.size - before
  }),
  hsetnx: writes(4, (keys, [key = '', field = '', value = '']) => {
    const hash = hashAt(keys, key)
    if (hash.has(field)) return 0
    hash.set(field, value)
    return 1
  }),
  hget: reads(3, (keys, [key = '', field = '']) => keys.get(key, isHash)?.get(field) ?? null),
  hmget: reads(-3, (keys, [key = '', ...fields]) => {
    const hash = keys.get(key, isHash)
    return fields.map(field => hash?.get(field) ?? null)
  }),
  hgetall: reads(2, (keys, [key = '']) => fieldsOf(keys, key).flat()),
  hkeys: reads(2, (keys, [key = '']) => fieldsOf(keys, key).map(([field]) => field)),
  hvals: reads(2, (keys, [key = '']) => fieldsOf(keys, key).map(([, value]) => value)),
  hlen: reads(2, (keys, [key = '']) => keys.get(key, isHash)?.size ?? 0),
  hexists: reads(3, (keys, [key = '', field = '']) => (keys.get(key, isHash)?.has(field) ? 1 : 0)),
  hdel: writes(-3, (keys, [key = '', ...fields]) => {
    const hash = keys.get(key, isHash)
    const removed = fields.filter(field => hash?.delete(field)).length
    if (hash?.size === 0) keys.delete(key)
    return removed
  }),
  hincrby: writes(4, (keys, [key = '', field = '', by = '']) => {
    const amount = parseInt64(by)
    const old = keys.get(key, isHash)?.get(field) ?? '0'
    const sum = parseInt64(old, () => err('hash value is not an integer')) + amount
    if (!isInt64(sum)) throw err('increment or decrement would overflow')
    hashAt(keys, key).set(field, sum.toString())
    return integer(sum)
  })
}
