/** Seeded random commands and Lua scripts for comparing two Redis backends. `comparable` removes allowed differences of order. Over 200 lines: mostly the words to draw from. */
import { pick, type Random } from '../../local/random.ts'
import { RedisError, type Reply } from '../../local/redis/reply.ts'

// Scores are quarters: Redis 7.2 prints others shorter than 7.0. Times are millions of seconds: no run crosses a rounding.
const words: Readonly<Record<string, readonly [string, ...string[]]>> = {
  key: ['a', 'b', 'c', 'd', 'e'],
  // Ranges by bytes mean something only where all scores are the same.
  lexkey: ['l'],
  // Kept apart from 64-bit integers: beyond 18 digits Redis rounds a sum to 80 bits, and the engine does not.
  floatkey: ['f'],
  member: ['m', 'n', 'o', 'pé', '', '__proto__', '10', '9'],
  value: ['', 'x', '5', '-7', 'constructor', '9223372036854775807', '3.5', 'ü𝄞', ' 1', '007'],
  int: ['1', '-1', '0', '5', '-9223372036854775808', '9223372036854775808', '1.5', '+1', 'x', ''],
  float: ['1', '-0.25', '2.75', '1e3', '.5', '5.', 'inf', '-inf', 'nan', 'x', '', ' 1'],
  score: ['1', '2', '2.25', '-3', '0', 'inf', '-inf', '1e2', 'nan', 'x', ''],
  bound: ['-inf', '+inf', '(1', '2', '(2.25', '-3', '(-inf', '(', 'x', '', ' 1', 'nan'],
  lex: ['-', '+', '[m', '(n', '[', '(', 'm', '', '[pé'],
  index: ['0', '1', '-1', '-2', '2', '100', '-100', 'x', '1.0'],
  count: ['0', '1', '2', '100', '-1', 'x'],
  ttl: ['1000000', '2000000', '-1', '0', '9223372036854775807', '9223372036854775', 'x', '1.5'],
  moment: ['4000000000', '5000000000', '1', '-1', 'x'],
  set: ['NX', 'xx', 'GET', 'KEEPTTL', 'EX', 'PERSIST', 'foo'],
  expire: ['NX', 'XX', 'gt', 'LT', 'foo'],
  add: ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'],
  range: ['BYSCORE', 'BYLEX', 'REV', 'WITHSCORES', 'LIMIT', 'foo'],
  union: ['WEIGHTS', 'aggregate', 'WITHSCORES', 'foo'],
  aggregate: ['SUM', 'min', 'MAX', 'foo', ''],
  word: ['foo', 'GET', '1', '']
}

// A word of the table above in braces is drawn from it; `?` makes it optional.
const shapes = [
  'PING {value}?',
  'ECHO {value}',
  'FOO {value} {int}',
  'GET {key}',
  'SET {key} {value} {set}? {set}?',
  'SET {key} {value} EX {ttl} {set}?',
  'SET {key} {value} PXAT {moment}000 GET',
  'SETEX {key} {ttl} {value}',
  'PSETEX {key} {ttl}000 {value}',
  'SETNX {key} {value}',
  'GETSET {key} {value}',
  'GETDEL {key}',
  'GETEX {key} {set}? {ttl}?',
  'GETEX {key} EXAT {moment}',
  'MGET {key} {key}',
  'MSET {key} {value} {key} {value}',
  'INCR {key}',
  'DECR {key}',
  'INCRBY {key} {int}',
  'DECRBY {key} {int}',
  'INCRBYFLOAT {lexkey} 5',
  'INCRBYFLOAT {floatkey} {float}',
  'APPEND {key} {value}',
  'STRLEN {key}',
  'DEL {key} {key}?',
  'UNLINK {key}',
  'EXISTS {key} {key}',
  'TYPE {key}',
  'EXPIRE {key} {ttl} {expire}? {expire}?',
  'PEXPIRE {key} {ttl}000 {expire}?',
  'EXPIREAT {key} {moment} {expire}?',
  'PEXPIREAT {key} {moment}000 {expire}?',
  'TTL {key}',
  'PTTL {key}',
  'PERSIST {key}',
  'RENAME {key} {key}',
  'HSET {key} {member} {value} {member}? {value}?',
  'HSETNX {key} {member} {value}',
  'HGET {key} {member}',
  'HMGET {key} {member} {member}',
  'HGETALL {key}',
  'HDEL {key} {member} {member}?',
  'HEXISTS {key} {member}',
  'HLEN {key}',
  'HKEYS {key}',
  'HVALS {key}',
  'HINCRBY {key} {member} {int}',
  'ZADD {key} {add}? {add}? {score} {member}',
  'ZADD {key} {score} {member} {score} {member}',
  'ZREM {key} {member}',
  'ZSCORE {key} {member}',
  'ZMSCORE {key} {member} {member}',
  'ZCARD {key}',
  'ZCOUNT {key} {bound} {bound}',
  'ZINCRBY {key} {score} {member}',
  'ZRANK {key} {member}',
  'ZRANGE {key} {index} {index} {range}? {range}?',
  'ZRANGE {key} {bound} {bound} BYSCORE {range}? {range}? {index}? {index}?',
  'ZADD {lexkey} 0 {member} 0 {member}',
  'ZRANGE {lexkey} {lex} {lex} BYLEX {range}?',
  'ZRANGE {key} {bound} {bound} BYSCORE REV WITHSCORES LIMIT {index} {index}',
  'ZRANGEBYSCORE {key} {bound} {bound} {range}? {index}? {index}?',
  'ZREVRANGE {key} {index} {index} WITHSCORES',
  'ZREVRANGEBYSCORE {key} {bound} {bound} LIMIT {index} {index}',
  'ZREMRANGEBYSCORE {key} {bound} {bound}',
  'ZREMRANGEBYRANK {key} {index} {index}',
  'ZPOPMIN {key} {count}?',
  'ZPOPMAX {key} {count}?',
  'SADD {key} {member} {member}?',
  'SREM {key} {member}',
  'SMEMBERS {key}',
  'SISMEMBER {key} {member}',
  'SMISMEMBER {key} {member} {member}',
  'SCARD {key}',
  'SPOP {key} 100',
  'SDIFFSTORE {key} {key} {key}? {key}?',
  'SUNIONSTORE {key} {key} {key}? {key}?',
  'ZUNION 2 {key} {key} {union}? {union}? WITHSCORES',
  'ZUNION {count} {key} {key} {key}? {union}? {score}? {union}?',
  'ZUNION 2 {key} {key} WEIGHTS {score} {score} AGGREGATE {aggregate} WITHSCORES',
  'ZUNION 1 {key} {union}? {aggregate}?',
  'LPUSH {key} {value} {value}?',
  'RPUSH {key} {value}',
  'LPOP {key} {count}?',
  'RPOP {key} {count}?',
  'LRANGE {key} {index} {index}',
  'LTRIM {key} {index} {index}',
  'LLEN {key}',
  'LINDEX {key} {index}',
  'EVALSHA {value} {count}',
  'SCRIPT {word} {value}',
  'EVAL return {count} {value}'
] as [string, ...string[]]

/** A random command; keys begin with `prefix`. Some are cut short, some have a word too many. */
export function randomCommand(random: Random, prefix: string): string[] {
  // Often enough that keys change their type: otherwise nearly every reply becomes WRONGTYPE.
  if (random() < 0.12) return ['DEL', draw(random, 'key', prefix), draw(random, 'key', prefix)]
  const shape = pick(random, shapes).split(' ')
  const command = shape.flatMap(part => {
    if (part.endsWith('?') && random() < 0.5) return []
    return [part.replace(/\?$/, '').replace(/\{(\w+)\}/, (_whole, kind: string) => draw(random, kind, prefix))]
  })
  if (random() < 0.03) command.push(draw(random, 'word', prefix))
  // SPOP without its count would take a random member.
  if (random() < 0.03 && command.length > 1 && command[0] !== 'SPOP') command.pop()
  return random() < 0.2 ? [(command[0] ?? '').toLowerCase(), ...command.slice(1)] : command
}

const draw = (random: Random, kind: string, prefix: string) =>
  (kind.endsWith('key') ? prefix : '') + pick(random, words[kind] ?? [''])

/** A random script as the words of an EVAL, with one key. */
export function randomScript(random: Random, prefix: string): string[] {
  const body = pick(random, [
    () => `return ${luaValue(random, 3)}`,
    () => `local v = ${luaValue(random, 2)} return {type(v), v}`,
    () => `return ${luaCall(random)}`,
    () => `local r = redis.pcall(${luaWords(random)}) return {type(r), r}`,
    () => `local ok, e = pcall(redis.call, ${luaWords(random)}) return {tostring(ok), type(e), e}`,
    () => `error(${throwable(random)})`,
    () => `return cjson.encode(${jsonable(random, 2)})`,
    () => `return cjson.decode(cjson.encode(${jsonable(random, 2)}))`,
    () => `return tostring(${luaNumber(random)})`,
    () => `${pick(random, ['x', 'redis.y', 'string.len', '_G.z', 'KEYS[2]'])} = ${luaNumber(random)} return KEYS`,
    () => `return {${pick(random, ['nothere', '#KEYS', 'ARGV', 'redis.sha1hex(ARGV[1])', 'unpack(ARGV)'])}}`
  ])()
  return [pick(random, ['EVAL', 'EVAL', 'EVAL_RO']), body, '1', `${prefix}${pick(random, ['a', 'b'])}`, 'é', '12']
}

const luaNumber = (random: Random) =>
  pick(random, ['0', '1', '-1', '1.9', '-1.9', '1e15', '1e100', '-1e100', '0/0', '1/0', '2^53', '2^62', '0.1', '-0.0'])

const luaString = (random: Random) => pick(random, ["''", "'x'", "'é'", "'a\\nb'", "'12'", "'a\\0b'", "'__proto__'"])

function luaValue(random: Random, depth: number): string {
  const kinds: [() => string, ...(() => string)[]] = [
    () => luaNumber(random),
    () => luaString(random),
    () => pick(random, ['true', 'false', 'nil']),
    () => pick(random, ["{ok='fine'}", "{err='ERR bad thing'}", "{err='one'}", "{ok='a\\r\\nb'}", '{double=2.5}']),
    () => pick(random, ["redis.error_reply('a')", "redis.error_reply('-A b')", "redis.status_reply('s')"]),
    () => pick(random, ['function() end', '{a=1}', '{[1]=1,[3]=3}', '{1, nil, 3}', '{map={a=1}}', '{set={b=true}}'])
  ]
  if (depth === 0) return pick(random, kinds)()
  const items = Array.from({ length: Math.floor(random() * 4) }, () => luaValue(random, depth - 1))
  return random() < 0.5 ? `{${items.join()}}` : pick(random, kinds)()
}

/**
 * What a script may throw here. Never a table without `err`: Redis 7.0.15 reads the missing text through a null pointer and
 * the whole server ends (SIGSEGV in luaCallFunction), which breaks every user of a shared one.
 */
const throwable = (random: Random) =>
  pick(random, [luaNumber(random), luaString(random), "{err='ERR bad thing'}", "redis.error_reply('a')", 'nil', 'true'])

function jsonable(random: Random, depth: number): string {
  const leaf = () =>
    pick(random, [luaNumber(random), luaString(random), 'true', 'cjson.null', '{}', '{[30]=1}', '{[true]=1}'])
  if (depth === 0) return leaf()
  const items = Array.from({ length: 3 }, () => jsonable(random, depth - 1))
  return pick(random, [leaf(), `{${items.join()}}`, `{k=${items[0]}}`, `{[2]=${items[0]}}`])
}

const luaWords = (random: Random) =>
  pick(random, [
    "'GET', KEYS[1]",
    "'SET', KEYS[1], 0.25",
    "'ECHO', 0.1",
    "'SET', KEYS[1], 1e17",
    "'INCR', KEYS[1]",
    "'HSET', KEYS[1], 'f', 3",
    "'HGETALL', KEYS[1]",
    "'ZADD', KEYS[1], 1.5, 'm'",
    "'ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'",
    "'DEL', KEYS[1]",
    "'PING'",
    "'LPUSH', KEYS[1], 1, 2",
    "'LRANGE', KEYS[1], 0, -1",
    "'TYPE', KEYS[1]",
    "'MGET', KEYS[1], 'nokey'",
    "'NOPE'",
    "'GET'",
    "'EVAL', 'return 1', 0",
    "'GET', {}",
    "'GET', nil",
    "'GET', true",
    "'SCRIPT', 'FLUSH'",
    "'SET', KEYS[1], 'v', 'EX', 0"
  ])

const luaCall = (random: Random) => `${pick(random, ['redis.call', 'redis.pcall'])}(${luaWords(random)})`

/** A reply in a form that two servers may be compared by: unordered lists sorted, times to live to the nearest million seconds. */
export function comparable([name = '']: readonly string[], reply: Reply): unknown {
  const verb = name.toLowerCase()
  if ((verb === 'smembers' || verb === 'spop') && Array.isArray(reply)) return [...reply].sort()
  if (verb === 'ttl' && typeof reply === 'number' && reply > 0) return Math.round(reply / 1e6)
  if (verb === 'pttl' && typeof reply === 'number' && reply > 0) return Math.round(reply / 1e9)
  return plain(reply)
}

function plain(reply: Reply): unknown {
  if (reply instanceof RedisError) return { error: reply.message }
  if (reply === null || typeof reply !== 'object') return reply
  return (reply as readonly Reply[]).map(plain)
}
