/** The REST gateway over each backend, with the real `@upstash/redis` client; and the engine against a real Redis. Over 200 lines: one suite. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { Redis } from '@upstash/redis'
import t, { type Test } from 'tap'
import { createRandom } from '../../local/random.ts'
import { openRedisBackend, openRedisRest, type RedisRest } from '../../local/redis-rest.ts'
import { type LaneBackend, openLaneRest, redisBackends, type Teardown } from '../lib/redis-backends.ts'
import { comparable, randomCommand, randomScript } from '../lib/redis-fuzz.ts'

const seeds = [1, 2, 3]
const commandsPerSeed = 1500

const clientOf = ({ url, token }: RedisRest, enableAutoPipelining = false) =>
  new Redis({ url, token, retry: false, enableTelemetry: false, enableAutoPipelining })

interface PostOptions {
  readonly path?: string
  readonly token?: string
  readonly base64?: boolean
  readonly method?: string
}

/** A request as a client other than the SDK would make it; `body` is sent as it is when it is text or bytes. */
async function post(
  rest: RedisRest,
  body: unknown,
  { path = '/', token = rest.token, base64, method = 'POST' }: PostOptions = {}
) {
  const headers = { authorization: `Bearer ${token}`, ...(base64 ? { 'upstash-encoding': 'base64' } : {}) }
  const sent = typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body)
  const response = await fetch(rest.url + path, { method, headers, ...(method === 'GET' ? {} : { body: sent }) })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const upstashScript = `#!lua flags=allow-key-locking
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, tonumber(ARGV[2])}`

for (const lane of redisBackends()) {
  t.test(`the gateway over the ${lane.name}`, { skip: lane.skip }, async t => {
    const rest = await openLaneRest(t, lane)
    const key = (name: string) => rest.prefix + name
    const redis = clientOf(rest)

    t.test('the client reads any text back unchanged', async t => {
      for (const value of [
        'plain',
        'é ü 𝄞',
        'OK',
        'T0s=',
        '',
        'a\0b',
        'line\r\nline',
        '__proto__',
        'x'.repeat(100_000)
      ]) {
        await redis.set(key(value.slice(0, 20)), value)
        t.equal(await redis.get(key(value.slice(0, 20))), value)
      }
      t.equal(await redis.get(key('missing')), null)
      await redis.hset(key('hash'), { number: 15, list: [1, 'é'] })
      t.strictSame(await redis.hgetall(key('hash')), { number: 15, list: [1, 'é'] })
      t.equal(await redis.ping(), 'PONG', 'a status that is not OK survives the encoding')
    })

    t.test('the client pipelines: one request, answers in order, errors in their place', async t => {
      const [calls, commands] = [rest.calls(), rest.commands()]
      const answers = await redis
        .pipeline()
        .set(key('piped'), 'text')
        .incr(key('piped'))
        .get(key('piped'))
        .exec({ keepErrors: true })
      t.equal(answers[0]?.result, 'OK')
      t.equal(answers[1]?.error, 'ERR value is not an integer or out of range')
      t.equal(answers[2]?.result, 'text')
      t.equal(rest.calls() - calls, 1, 'one request')
      t.equal(rest.commands() - commands, 3, 'three commands')
    })

    t.test('the client joins calls of the same tick by itself', async t => {
      const calls = rest.calls()
      const automatic = clientOf(rest, true)
      const counts = await Promise.all([1, 2, 3].map(() => automatic.incr(key('auto'))))
      t.strictSame(counts, [1, 2, 3])
      t.equal(rest.calls() - calls, 1)
    })

    t.test('a transaction answers each command and goes on past one that fails', async t => {
      t.strictSame(await redis.multi().set(key('tx'), 1).incr(key('tx')).exec(), ['OK', 2])
      const { status, text } = await post(
        rest,
        [
          ['SET', key('txs'), 'a'],
          ['INCR', key('txs')],
          ['GET', key('txs')]
        ],
        { path: '/multi-exec' }
      )
      t.equal(status, 200)
      t.strictSame(JSON.parse(text), [
        { result: 'OK' },
        { error: 'ERR value is not an integer or out of range' },
        { result: 'a' }
      ])
    })

    t.test('a transaction with a command that cannot be queued runs nothing', async t => {
      const { status, text } = await post(
        rest,
        [
          ['SET', key('never'), '1'],
          ['NOSUCH', 'a']
        ],
        { path: '/multi-exec' }
      )
      t.equal(status, 400)
      t.match(
        JSON.parse(text).error,
        /^EXECABORT Transaction discarded because of previous errors.*unknown command 'NOSUCH'/
      )
      t.equal(await redis.exists(key('never')), 0)
    })

    t.test('transactions do not interleave with each other or with single commands', async t => {
      const bump = () => redis.multi().incr(key('a')).incr(key('b')).get(key('a')).get(key('b')).exec()
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, at) => (at % 2 ? bump() : redis.incr(key('other'))))
      )
      const pairs = answers.filter(answer => typeof answer !== 'number')
      t.equal(pairs.length, 20)
      t.ok(
        pairs.every(([a, b, readA, readB]) => a === b && readA === a && readB === b),
        'each saw both of its own counts'
      )
    })

    t.test('scripts run by EVAL and by SHA-1, and an unknown SHA-1 is NOSCRIPT', async t => {
      const script = `return {KEYS[1], ARGV[1], 1.9, false, '${rest.prefix}'}`
      const sha = await redis.scriptLoad(script)
      t.strictSame(await redis.evalsha(sha, [key('k')], ['é']), [key('k'), 'é', 1, null, rest.prefix])
      t.strictSame(await redis.scriptExists(sha, '0'.repeat(40)), [1, 0])
      await t.rejects(redis.evalsha('f'.repeat(40), [], []), /NOSCRIPT No matching script\. Please use EVAL\./)
    })

    t.test("scripts with Upstash's own flag run, by the SHA-1 of what the client wrote", async t => {
      const script = `${upstashScript}\n-- ${rest.prefix}`
      const sha = await redis.scriptLoad(script)
      const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(script))
      t.equal(sha, Buffer.from(digest).toString('hex'))
      t.strictSame(await redis.evalsha(sha, [key('limit')], [60_000, 5]), [1, 5])
      t.strictSame(await redis.eval(script, [key('limit')], [60_000, 5]), [2, 5])
      t.strictSame(await redis.scriptExists(sha), [1])
      t.ok((await redis.pttl(key('limit'))) > 0)
    })

    t.test('an unknown flag is removed, a flag that Redis knows still applies', async t => {
      const script = `#!lua flags=allow-key-locking,no-writes\nreturn redis.call('SET', KEYS[1], '1')`
      await t.rejects(redis.eval(script, [key('ro')], []), /Write commands are not allowed from read-only scripts/)
    })

    t.test('every string is base64 but a top-level OK, when the client asks for it', async t => {
      const encode = (text: string) => Buffer.from(text).toString('base64')
      t.equal((await post(rest, ['SET', key('s'), 'é'], { base64: true })).text, '{"result":"OK"}')
      t.equal((await post(rest, ['GET', key('s')], { base64: true })).text, `{"result":"${encode('é')}"}`)
      t.equal((await post(rest, ['PING'], { base64: true })).text, `{"result":"${encode('PONG')}"}`)
      const nested = ['EVAL', "return {redis.status_reply('OK'), {'x', 5}, false}", '0']
      t.equal(
        (await post(rest, nested, { base64: true })).text,
        `{"result":["${encode('OK')}",["${encode('x')}",5],null]}`
      )
      t.equal((await post(rest, ['GET', key('s')])).text, '{"result":"é"}', 'and plain otherwise')
    })

    t.test('64-bit integers keep their digits', async t => {
      await redis.set(key('big'), '9223372036854775806')
      t.equal((await post(rest, ['INCR', key('big')])).text, '{"result":9223372036854775807}')
      t.match((await post(rest, ['INCR', key('big')])).text, /increment or decrement would overflow/)
    })

    t.test('an error of a command is a 400 with the text of Redis', async t => {
      await redis.set(key('string'), 'x')
      const cases: [command: string[], error: string][] = [
        [['LPUSH', key('string'), 'x'], 'WRONGTYPE Operation against a key holding the wrong kind of value'],
        [['GET'], "ERR wrong number of arguments for 'get' command"],
        [['SET', 'a', 'b', 'EX', 'x'], 'ERR value is not an integer or out of range'],
        [['SET', 'a', 'b', 'EX', '0'], "ERR invalid expire time in 'set' command"],
        [['SET', 'a', 'b', 'NX', 'XX'], 'ERR syntax error'],
        [['foo', 'a', 'b'], "ERR unknown command 'foo', with args beginning with: 'a' 'b' "]
      ]
      for (const [command, error] of cases) {
        const { status, text } = await post(rest, command)
        t.equal(status, 400)
        t.strictSame(JSON.parse(text), { error })
      }
    })

    t.test('commands that would change or block the shared connection are unknown', async t => {
      for (const command of ['MULTI', 'select', 'SUBSCRIBE', 'BLPOP', 'CLIENT', 'AUTH', 'SHUTDOWN', 'WATCH']) {
        const { status, text } = await post(rest, [command, '0'])
        t.equal(status, 400)
        t.match(JSON.parse(text).error, `ERR unknown command '${command}'`)
      }
    })

    t.test('the transaction of a deny list runs, as @upstash/ratelimit sends it', async t => {
      const [all, list] = [key('deny:all'), key('deny:list')]
      await redis.sadd(all, 'mine', 'old')
      await redis.sadd(list, 'old')
      const transaction = redis.multi()
      transaction.sdiffstore(all, all, list)
      transaction.del(list)
      transaction.sadd(list, 'new', 'mine')
      transaction.sdiffstore(list, list, all)
      transaction.sunionstore(all, all, list)
      t.strictSame(await transaction.exec(), [1, 1, 2, 1, 2])
      t.strictSame((await redis.smembers(all)).sort(), ['mine', 'new'])
      t.strictSame(await redis.smembers(list), ['new'])
    })

    t.test('a script adds sorted sets up, as the analytics of @upstash/ratelimit do', async t => {
      await redis.zadd(key('z:1'), { score: 2, member: 'a' }, { score: 1, member: 'b' })
      await redis.zadd(key('z:2'), { score: 3, member: 'a' })
      const script = "return redis.call('ZUNION', #KEYS, KEYS[1], KEYS[2], 'WITHSCORES')"
      t.strictSame(await redis.eval(script, [key('z:1'), key('z:2')], []), ['b', 1, 'a', 5])
    })

    t.test(
      'streams are read without waiting for them',
      { skip: lane.name === 'engine' && 'the engine has no streams' },
      async t => {
        const stream = key('BLOCK')
        const [read, group] = [
          ['XREAD', 'COUNT', '5', 'STREAMS'],
          ['XREADGROUP', 'GROUP', 'BLOCK', 'streams', 'NOACK', 'STREAMS']
        ]
        await redis.xadd(stream, '*', { name: 'value' })
        t.equal((await post(rest, ['XGROUP', 'CREATE', stream, 'BLOCK', '0'])).status, 200)
        for (const command of [
          [...read, stream, '0'],
          [...group, stream, '>']
        ]) {
          const { status, text } = await post(rest, command)
          t.equal(status, 200, text)
          t.match(JSON.parse(text).result, [[stream, [[String, ['name', 'value']]]]])
        }
        t.strictSame(JSON.parse((await post(rest, [...read, stream, '$'])).text), { result: null })
        for (const command of [
          ['XREAD', 'COUNT', '1', 'block', '0', 'STREAMS', stream, '$'],
          ['xreadgroup', 'BLOCK', '0', 'GROUP', 'BLOCK', 'me', 'STREAMS', stream, '>']
        ]) {
          const refusal =
            /^ERR XREAD(GROUP)? with BLOCK would block every other caller of this endpoint: read without BLOCK$/
          const { status, text } = await post(rest, command)
          t.equal(status, 400)
          t.match(JSON.parse(text).error, refusal)
          t.match(
            JSON.parse((await post(rest, [command], { path: '/multi-exec' })).text).error,
            /EXECABORT.*with BLOCK/
          )
        }
      }
    )

    t.test('SCAN answers every key of a prefix exactly once, while others come and go', async t => {
      const names = Array.from({ length: 50 }, (_, at) => key(`scan:${at}`))
      await redis.mset(Object.fromEntries(names.map(name => [name, 1])))
      const found: string[] = []
      let cursor = '0'
      do {
        const [next, keys] = await redis.scan(cursor, { match: key('scan:*'), count: 7 })
        found.push(...keys)
        await redis.del(key('passing'))
        await redis.set(key('passing'), 1)
        cursor = String(next)
      } while (cursor !== '0')
      t.strictSame([...new Set(found)].sort(), [...names].sort())
    })
  })
}

t.test('the protocol around the commands', async t => {
  const lane = redisBackends()[0]
  if (!lane) return t.fail('the engine lane is missing')
  const rest = await openLaneRest(t, lane)

  t.test('a wrong token gets no information', async t => {
    for (const token of ['', 'wrong', `${rest.token}x`, rest.token.slice(1)]) {
      for (const path of ['/', '/pipeline', '/nowhere']) {
        const { status, text } = await post(rest, ['PING'], { token, path })
        t.equal(status, 401)
        t.equal(text, '{"error":"Unauthorized"}')
      }
    }
    t.equal((await fetch(rest.url, { method: 'POST', body: '["PING"]' })).status, 401, 'and neither does no token')
    t.equal(rest.commands(), 0, 'no command ran')
  })

  t.test('a body that is not a command is a 400', async t => {
    for (const body of [
      '',
      '{',
      'null',
      '"PING"',
      '{}',
      '[]',
      '[[]]',
      '[null]',
      '["GET",{}]',
      new Uint8Array([0x22, 0xff, 0x22])
    ]) {
      t.equal((await post(rest, body)).status, 400, `POST / with ${body}`)
    }
    for (const body of ['[]', '["PING"]', '[["PING"],[]]', '{}']) {
      t.equal((await post(rest, body, { path: '/pipeline' })).status, 400, `POST /pipeline with ${body}`)
      t.equal((await post(rest, body, { path: '/multi-exec' })).status, 400, `POST /multi-exec with ${body}`)
    }
  })

  t.test('numbers and booleans become their text', async t => {
    await post(rest, ['MSET', 'n', 1.5, 'b', true])
    t.equal((await post(rest, ['MGET', 'n', 'b'])).text, '{"result":["1.5","true"]}')
  })

  t.test('another path is a 404 that names the forms, another method a 405 with Allow', async t => {
    const elsewhere = await post(rest, '', { path: '/get/foo' })
    t.equal(elsewhere.status, 404)
    t.match(JSON.parse(elsewhere.text).error, 'POST /pipeline')
    const get = await post(rest, '', { method: 'GET' })
    t.equal(get.status, 405)
    t.equal(get.headers.get('allow'), 'POST')
  })

  t.test('a body of 1 MiB passes, one byte more is a 413, announced or not', async t => {
    const frame = JSON.stringify(['ECHO', '']).length
    const fits = JSON.stringify(['ECHO', 'x'.repeat(1024 * 1024 - frame)])
    t.equal((await post(rest, fits)).status, 200)
    t.equal((await post(rest, `${fits} `)).status, 413)
    const stream = new Blob([`${fits} `]).stream()
    const headers = { authorization: `Bearer ${rest.token}` }
    const unannounced = await fetch(rest.url, { method: 'POST', headers, body: stream, duplex: 'half' } as RequestInit)
    t.equal(unannounced.status, 413)
    await unannounced.text()
    t.equal((await post(rest, ['PING'])).status, 200, 'and the gateway goes on')
  })

  t.test('every answer carries a sync token, and calls() counts refusals too', async t => {
    const calls = rest.calls()
    t.ok((await post(rest, ['PING'])).headers.get('upstash-sync-token'))
    t.ok((await post(rest, ['NOPE'])).headers.get('upstash-sync-token'))
    await post(rest, ['PING'], { token: 'wrong' })
    t.equal(rest.calls() - calls, 3)
  })

  t.test('openRedisRest() refuses an empty token', async t => {
    const { backend } = await lane.open(t)
    await t.rejects(openRedisRest({ backend, token: '' }), /empty token/)
  })
})

/** A stand-in for a Redis that breaks: it answers with `reply` and can close every connection. */
async function openFakeRedis(t: Teardown, reply: (request: string) => string, port = 0) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}).on('data', chunk => socket.write(reply(chunk.toString())))
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>(resolve => server.close(() => resolve()))
  }
  t.teardown(() => (server.listening ? close() : undefined))
  return { port: (server.address() as AddressInfo).port, close }
}

/** Answers the handshake of the client with OK and other commands with PONG. */
const lively = (request: string) => {
  const asked = request.match(/\*\d+\r\n\$\d+\r\n(\w+)/g) ?? []
  return asked.map(command => (/PING/i.test(command) ? '+PONG\r\n' : '+OK\r\n')).join('')
}

t.test('openRedisBackend() when the server breaks', async t => {
  t.test('fails at once if there is no server', async t => {
    const { port, close } = await openFakeRedis(t, () => '')
    await close()
    await t.rejects(openRedisBackend(`redis://127.0.0.1:${port}`), /could not be reached/)
  })

  t.test('fails fast with a 500 while the server is away, and works again when it is back', async t => {
    const first = await openFakeRedis(t, lively)
    const backend = await openRedisBackend(`redis://127.0.0.1:${first.port}`)
    t.teardown(backend.close)
    const rest = await openRedisRest({ backend, token: 'token' })
    t.teardown(rest.close)
    t.equal((await post(rest, ['PING'])).text, '{"result":"PONG"}')

    await first.close()
    for (const path of ['/', '/pipeline', '/multi-exec']) {
      const { status, text } = await post(rest, path === '/' ? ['PING'] : [['PING']], { path })
      t.equal(status, 500)
      t.match(JSON.parse(text).error, /^ERR Redis could not be asked for (PING|MULTI)/)
    }

    await openFakeRedis(t, lively, first.port)
    const until = performance.now() + 10_000
    let answer = await post(rest, ['PING'])
    while (answer.status !== 200 && performance.now() < until) answer = await post(rest, ['PING'])
    t.equal(answer.text, '{"result":"PONG"}')
  })

  t.test('rejects a call without an answer', async t => {
    const { port } = await openFakeRedis(t, request => (/ECHO/.test(request) ? '' : lively(request)))
    const backend = await openRedisBackend(`redis://127.0.0.1:${port}`)
    t.teardown(backend.close)
    await t.rejects(backend.execute(['ECHO', 'x']), /did not answer within 2000 ms/)
  })
})

t.test('the engine and a real Redis answer the same', { skip: redisBackends()[1]?.skip ?? false }, async t => {
  const [engineLane, redisLane] = redisBackends()
  if (!engineLane || !redisLane) return t.fail('a lane is missing')

  for (const seed of seeds) {
    t.test(`${commandsPerSeed} random commands and scripts from seed ${seed}`, async t => {
      const [engine, redis] = [await engineLane.open(t), await redisLane.open(t)]
      await compare(t, seed, engine, redis)
    })
  }

  t.test('as one transaction', async t => {
    const [engine, redis] = [await engineLane.open(t), await redisLane.open(t)]
    const random = createRandom(7)
    for (let round = 0; round < 300; round++) {
      const commands = Array.from({ length: 5 }, () => randomCommand(random, redis.prefix))
      const answers = [await engine.backend.multi(commands), await redis.backend.multi(commands)].map(answer =>
        Array.isArray(answer)
          ? answer.map((reply, at) => comparable(commands[at] ?? [], reply))
          : comparable([], answer)
      )
      if (!t.strictSame(answers[0], answers[1], `round ${round}`, { commands })) return
    }
  })
})

const isError = (reply: unknown) => typeof reply === 'object' && reply !== null && 'error' in reply

async function compare(t: Test, seed: number, engine: LaneBackend, redis: LaneBackend): Promise<void> {
  const random = createRandom(seed)
  let [commands, errors] = [0, 0]
  for (; commands < commandsPerSeed; commands++) {
    const command = random() < 0.3 ? randomScript(random, redis.prefix) : randomCommand(random, redis.prefix)
    const mine = comparable(command, await engine.backend.execute(command))
    const theirs = comparable(command, await redis.backend.execute(command))
    if (isError(theirs)) errors++
    // One assertion for the first difference: after it the two states differ anyway.
    if (!isDeepStrictEqual(mine, theirs)) {
      t.strictSame(mine, theirs, `command ${commands}`, { command })
      return
    }
  }
  t.equal(commands, commandsPerSeed, 'every reply was the same')
  t.ok(
    errors > commands / 20 && errors < commands / 2,
    `and neither nearly all nor nearly none were errors (${errors})`
  )
}
