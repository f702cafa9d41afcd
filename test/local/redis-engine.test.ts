/** What only the engine can show: expiry by its own clock, its memory, its Lua sandbox, FLUSHALL. Over 200 lines: one rule each. */
import t, { type Test } from 'tap'
import { createRedisEngine, type RedisEngineOptions } from '../../local/redis/redis-engine.ts'
import { RedisError, type Reply } from '../../local/redis/reply.ts'
import { stripForeignFlags } from '../../local/redis/script-aliases.ts'

async function build(t: Test, options?: RedisEngineOptions) {
  const engine = await createRedisEngine(options)
  t.teardown(engine.close)
  const run = (...command: string[]) => engine.execute(command)
  return { engine, run, evaluate: (script: string, ...argv: string[]) => run('EVAL', script, '0', ...argv) }
}

const messageOf = (reply: Reply) => (reply instanceof RedisError ? reply.message : `no error: ${String(reply)}`)

t.test('a key expires in the millisecond in which its time to live ends, and not sooner', async t => {
  let nowMs = 1_000_000
  const { run } = await build(t, { nowMs: () => nowMs })
  run('SET', 'k', 'v', 'PX', '100')
  nowMs += 99
  t.equal(run('PTTL', 'k'), 1)
  t.equal(run('GET', 'k'), 'v')
  nowMs += 1
  for (const command of ['GET', 'TYPE', 'EXISTS', 'PTTL', 'TTL', 'STRLEN']) {
    const gone: Record<string, Reply> = { GET: null, TYPE: 'none', EXISTS: 0, PTTL: -2, TTL: -2, STRLEN: 0 }
    t.equal(run(command, 'k'), gone[command], command)
  }
  t.equal(run('SET', 'k', 'w', 'NX'), 'OK', 'and can be made anew, without the old expiry')
  t.equal(run('PTTL', 'k'), -1)
})

t.test('every form of expiry ends on time', async t => {
  const startMs = 1_700_000_000_250
  const seconds = Math.ceil(startMs / 1000) + 1
  const forms: [command: string[], endMs: number][] = [
    [['SET', 'k', 'v', 'EX', '2'], startMs + 2000],
    [['SET', 'k', 'v', 'EXAT', `${seconds}`], seconds * 1000],
    [['SET', 'k', 'v', 'PXAT', `${startMs + 7}`], startMs + 7],
    [['SETEX', 'k', '1', 'v'], startMs + 1000],
    [['PSETEX', 'k', '5', 'v'], startMs + 5],
    [['EXPIRE', 'k', '3'], startMs + 3000],
    [['PEXPIREAT', 'k', `${startMs + 1}`], startMs + 1],
    [['GETEX', 'k', 'PX', '9'], startMs + 9]
  ]
  for (const [command, endMs] of forms) {
    let nowMs = startMs
    const { run } = await build(t, { nowMs: () => nowMs })
    run('SET', 'k', 'v')
    run(...command)
    nowMs = endMs - 1
    t.equal(run('EXISTS', 'k'), 1, `${command.join(' ')} a millisecond before`)
    nowMs = endMs
    t.equal(run('EXISTS', 'k'), 0, `${command.join(' ')} at its end`)
  }
})

t.test('a script and a transaction see one moment', async t => {
  let nowMs = 5000
  const { engine, evaluate } = await build(t, { nowMs: () => nowMs++ })
  const same =
    "local a = redis.call('TIME') for i = 1, 1000 do redis.call('PING') end local b = redis.call('TIME') return a[2] == b[2]"
  t.equal(evaluate(same), 1)
  const [first, second] = engine.multi([['TIME'], ['TIME']]) as Reply[]
  t.strictSame(first, second)
})

t.test('expired keys are removed even if no command reads them again', async t => {
  let nowMs = 0
  const { run } = await build(t, { nowMs: () => nowMs })
  for (let at = 0; at < 2000; at++) run('SET', `k${at}`, 'v', 'PX', '10')
  t.equal(run('DBSIZE'), 2000)
  nowMs = 10
  for (let at = 0; at < 1000; at++) run('PING')
  t.equal(run('DBSIZE'), 0)
})

t.test('hostile names work like other names', async t => {
  const { run } = await build(t)
  for (const name of ['__proto__', 'constructor', 'toString', '', '\0', '\ud800', '𝄞']) {
    t.equal(run('GET', name), null)
    t.equal(run('SET', name, name), 'OK')
    t.equal(run('GET', name), name.toWellFormed(), 'a lone surrogate becomes U+FFFD')
    run('DEL', name)
    t.equal(run('HSET', name, name, '1'), 1)
    t.strictSame(run('HKEYS', name), [name.toWellFormed()])
  }
  for (const command of ['__proto__', 'constructor', 'toString', '']) {
    t.match(messageOf(run(command)), `ERR unknown command '${command}'`)
    t.match(messageOf(run('SCRIPT', command)), `ERR unknown subcommand '${command}'`)
  }
})

t.test('lengths and order are those of UTF-8 bytes', async t => {
  const { run, evaluate } = await build(t)
  run('SET', 'k', 'é𝄞')
  t.equal(run('STRLEN', 'k'), 6)
  t.equal(evaluate('return #ARGV[1]', 'é𝄞'), 6)
  run('ZADD', 'z', '0', '\uffff', '0', '𝄞')
  t.strictSame(run('ZRANGE', 'z', '0', '-1'), ['\uffff', '𝄞'], 'UTF-16 would have them the other way round')
})

t.test('FLUSHALL empties the keys and keeps the scripts, SCRIPT FLUSH the other way round', async t => {
  const { run } = await build(t)
  const sha = String(run('SCRIPT', 'LOAD', "return redis.call('DBSIZE')"))
  run('SET', 'k', 'v', 'EX', '100')
  t.equal(run('EVALSHA', sha, '0'), 1)
  t.equal(run('FLUSHALL'), 'OK')
  t.equal(run('EVALSHA', sha, '0'), 0)
  run('SET', 'k', 'v')
  t.equal(run('SCRIPT', 'FLUSH'), 'OK')
  t.match(messageOf(run('EVALSHA', sha, '0')), /^NOSCRIPT/)
  t.equal(run('FLUSHDB', 'ASYNC'), 'OK')
  t.equal(run('DBSIZE'), 0)
})

t.test('a script that does not end is ended, even if it catches every error, and the engine keeps working', async t => {
  const { run, evaluate } = await build(t, { maxScriptInstructions: 1_000_000 })
  const endless = [
    'while true do end',
    'while true do pcall(function() while true do end end) end',
    'local f = coroutine.wrap(function() while true do end end) while true do pcall(f) end',
    "while true do redis.pcall('INCR', 'k') end"
  ]
  for (const script of endless) {
    t.match(messageOf(evaluate(script)), /Script used more than 1000000 instructions and was ended/, script)
    t.equal(evaluate('return 7'), 7)
  }
  t.ok(Number(run('GET', 'k')) > 0, 'what it had written stays, as in Redis')
})

t.test('a script cannot reach out of the sandbox', async t => {
  const { evaluate } = await build(t)
  for (const name of [
    'os',
    'io',
    'require',
    'dofile',
    'loadfile',
    'package',
    'debug',
    'getfenv',
    'setfenv',
    'print',
    'newproxy',
    'module'
  ]) {
    t.match(messageOf(evaluate(`return ${name}`)), `nonexistent global variable '${name}'`)
  }
  t.strictSame(evaluate('return {loadstring(string.dump(function() end))}'), [], 'bytecode is not loaded')
})

t.test('a script cannot change what later scripts see', async t => {
  const { evaluate } = await build(t)
  const attempts = [
    'x = 1',
    'redis.call = nil',
    'string.len = nil',
    "rawset(_G, 'tonumber', nil)",
    "rawset(string, 'len', nil)",
    'table.insert(math, 1)',
    'table.sort(redis)',
    'setmetatable(_G, nil)',
    'KEYS = 1'
  ]
  for (const attempt of attempts) t.match(messageOf(evaluate(attempt)), /Attempt to modify a readonly table/, attempt)

  evaluate("getmetatable('').__index = nil")
  evaluate('local next, real = pairs(string) real.len = nil')
  evaluate('for name in pairs(redis) do rawset(redis, name, nil) end')
  evaluate('ARGV[1] = 5 KEYS[1] = 6 ARGV.x = 7')
  t.equal(evaluate("return ('abc'):len() + string.len('de') + tonumber('1') + #ARGV + #KEYS"), 6)
})

t.test('errors deep in C leave a Lua that works', async t => {
  const { evaluate } = await build(t)
  t.match(messageOf(evaluate('local function f() return f() + 1 end return f()')), /stack overflow/)
  t.type(evaluate('local t = {} t[1] = t return t'), Array, 'a table inside itself ends at the limit of the stack')
  t.match(
    messageOf(evaluate('return cjson.encode((function() local t = {} t.t = t return t end)())')),
    /excessive depth/
  )
  t.equal(evaluate('return 7'), 7)
})

t.test('an error that is a table without a message is still an error', async t => {
  // Redis 7.0.15 itself ends by a null pointer here, so this is never compared with one.
  const { evaluate } = await build(t)
  for (const thrown of ['{}', '{a=1}', '{ok=1}', '{err={}}'])
    t.match(messageOf(evaluate(`error(${thrown})`)), /^ERR unknown error/)
})

t.test('a pipeline of ten thousand pieces stays on the stack', async t => {
  const { run, evaluate } = await build(t)
  const many = Array.from({ length: 10_000 }, (_, at) => `m${at}`)
  t.equal(run('RPUSH', 'list', ...many), 10_000)
  t.equal(run('SADD', 'set', ...many), 10_000)
  t.equal((evaluate("return redis.call('LRANGE', 'list', 0, -1)") as Reply[]).length, 10_000)
  t.equal(run('ZADD', 'zset', ...many.flatMap((member, at) => [`${at % 7}`, member])), 10_000)
  t.equal(
    (run('ZRANGEBYSCORE', 'zset', '(3', '5') as Reply[]).length,
    10_000 - many.filter((_, at) => at % 7 < 4 || at % 7 === 6).length
  )
})

t.test('KEYS and SCAN accept the patterns of Redis', async t => {
  const { run } = await build(t)
  run('MSET', 'abc', '1', 'axc', '1', 'a*c', '1', 'a]c', '1', 'é', '1')
  const cases: [pattern: string, keys: string[]][] = [
    ['a?c', ['a*c', 'a]c', 'abc', 'axc']],
    ['a\\*c', ['a*c']],
    ['a[a-c]c', ['abc']],
    ['a[c-a]c', ['abc']],
    ['a[^b]c', ['a*c', 'a]c', 'axc']],
    ['a[\\]]c', ['a]c']],
    ['a[b', []],
    ['*', ['a*c', 'a]c', 'abc', 'axc', 'é']],
    ['****b*', ['abc']],
    ['', []]
  ]
  for (const [pattern, keys] of cases) t.strictSame([...(run('KEYS', pattern) as string[])].sort(), keys, pattern)
})

t.test('SPOP uses the given random numbers', async t => {
  const { run } = await build(t, { random: () => 0.99 })
  run('SADD', 's', 'a', 'b', 'c')
  t.equal(run('SPOP', 's'), 'c')
  t.strictSame(run('SPOP', 's', '5'), ['b', 'a'])
  t.equal(run('EXISTS', 's'), 0)
})

t.test('stripForeignFlags() removes only flags that plain Redis refuses', async t => {
  const cases: [before: string, after: string][] = [
    ['return 1', 'return 1'],
    ['#!lua flags=allow-key-locking\nreturn 1', '#!lua\nreturn 1'],
    ['#!lua flags=no-writes,allow-key-locking\nreturn 1', '#!lua flags=no-writes\nreturn 1'],
    ['#!lua flags=no-writes\nreturn 1', '#!lua flags=no-writes\nreturn 1'],
    ['#!lua\n-- flags=x', '#!lua\n-- flags=x'],
    ['\n#!lua flags=x', '\n#!lua flags=x']
  ]
  for (const [before, after] of cases) t.equal(stripForeignFlags(before), after)
})
