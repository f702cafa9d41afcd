/** The login guard while Redis is away, slow or answers with nonsense: stricter limits, reported failures, recovery. Over 200 lines: one rule a test, and tables of failures. */

import { createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openRedis } from '../../../edge/store/open-redis.ts'
import { StoreError } from '../../../edge/store/run-scripts.ts'
import { createFailureMemory } from '../../../server/guard/failure-memory.ts'
import { parseGuardDecision } from '../../../server/guard/failure-store.ts'
import { fallbackPolicy } from '../../../server/guard/fallback-guard.ts'
import type { AttemptFacts } from '../../../server/guard/rule.ts'
import { subjectKeys } from '../../../server/guard/subject-keys.ts'
import { attemptOf, DEFAULT_GUARD_POLICY, guardOver, signIn } from './lib/guard-place.ts'

const ADDRESS = '203.0.113.7'
const SECRET = createSecretKey(new Uint8Array(32))
const WRONG: AttemptFacts = { knownDevice: false, captchaUnsolved: false, outcome: 'wrong' }

/** Listens in the place of Redis, and answers with `listener`. */
async function openStandIn(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A URL at which nothing listens any more. */
async function closedUrl(): Promise<string> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}

const answering =
  (status: number, type: string, body: string): RequestListener =>
  (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': type }).end(body)
  }

/** Redis's reply to a pipeline of one command. */
const replying = (result: unknown) => answering(200, 'application/json', JSON.stringify([{ result }]))

const FAILURES: Readonly<Record<string, RequestListener | undefined>> = {
  'nothing listens': undefined,
  'it never answers': () => {},
  'it hangs up': request => request.socket.destroy(),
  'it answers 500': answering(500, 'application/json', '{"error":"ERR"}'),
  'it answers with a page': answering(200, 'text/html', '<html>Sign in to the network</html>'),
  'it answers null': replying(null),
  'it answers an empty list': replying([]),
  'it answers text': replying(['0', '0', '0', '0']),
  'it answers a number too many': replying([0, 0, 0, 0, 0])
}

for (const [name, listener] of Object.entries(FAILURES)) {
  t.test(`half of each limit holds in memory where ${name}`, async t => {
    const url = listener ? await openStandIn(t, listener) : await closedUrl()
    const failures: Error[] = []
    let nowMs = 0
    const guard = guardOver(openRedis({ url, token: 'a', deadlineMs: 100 }), {
      onStoreFailure: error => failures.push(error),
      nowMs: () => nowMs
    })
    const answers: string[] = []
    for (const person of ['ada', 'bob', 'cid']) answers.push(await signIn(guard, attemptOf(person, ADDRESS), false))
    t.strictSame(answers, ['wrong', 'wrong', 'too-many-attempts 1800'])
    t.equal(failures.length, 1, 'one failure is reported, and opens the circuit breaker')
    t.notMatch(String(failures[0]?.message), /203\.0\.113|ada|login-guard/, 'without personal data')

    nowMs = 1000
    t.equal(await signIn(guard, attemptOf('ada', '192.0.2.1'), true), 'right', 'honest users sign in')
    t.equal(failures.length, 2, 'after a second an attempt has called Redis again')
  })
}

for (const [name, listener] of Object.entries(FAILURES)) {
  t.test(`clear() clears the counts in memory, and reports the failure, where ${name}`, async t => {
    const url = listener ? await openStandIn(t, listener) : await closedUrl()
    const failures: Error[] = []
    const guard = guardOver(openRedis({ url, token: 'a', deadlineMs: 100 }), {
      policy: { ...DEFAULT_GUARD_POLICY, account: { maxFailures: 2, windowMs: 900_000, blockMs: 1_800_000 } },
      onStoreFailure: error => failures.push(error),
      nowMs: () => 0
    })
    const signInAda = (correct: boolean) => signIn(guard, attemptOf('ada', ADDRESS), correct)
    t.equal(await signInAda(false), 'wrong, attacked')
    t.match(await signInAda(true), 'too-many-attempts')
    await guard.clear(attemptOf('ada', ADDRESS))
    t.equal(await signInAda(true), 'right')
    t.equal(failures.length, 2, 'the attempt has opened the circuit breaker, and clear() has called Redis nevertheless')
    t.notMatch(String(failures[1]?.message), /203\.0\.113|ada|login-guard/, 'without personal data')
  })
}

t.test('parallelism does not widen the fallback limits', async t => {
  const guard = guardOver(openRedis({ url: await closedUrl(), token: 'a' }), { onStoreFailure: () => {} })
  const attempts = Array.from({ length: 50 }, (_, at) => attemptOf(`person${at}`, ADDRESS))
  await Promise.all(attempts.map(attempt => guard.admit(attempt)))
  const results = await Promise.all(attempts.map(attempt => guard.record(attempt, 'wrong')))
  t.equal(results.filter(({ answerable }) => answerable).length, 2)
})

/** A Redis that can be switched on, and counts its calls: attempts and DEL. `onCall` may move a clock. */
async function openSwitchedRedis(t: Test, onCall: () => void = () => {}) {
  const state = { calls: 0, isUp: false }
  const url = await openStandIn(t, async (request, response) => {
    state.calls++
    onCall()
    let body = ''
    for await (const chunk of request) body += chunk
    if (!state.isUp) return void response.writeHead(500).end('no')
    const reply = body.includes('"del"') ? { result: 2 } : [{ result: [0, 0, 0, 0] }]
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
  })
  return { state, redis: openRedis({ url, token: 'a', deadlineMs: 20_000 }) }
}

const twenty = (call: (at: number) => Promise<unknown>) => Promise.all(Array.from({ length: 20 }, (_, at) => call(at)))

t.test('while the circuit breaker is open one admit() per pause calls Redis; a success closes it', async t => {
  const { state, redis } = await openSwitchedRedis(t)
  let nowMs = 0
  const failures: Error[] = []
  const guard = guardOver(redis, { onStoreFailure: error => failures.push(error), nowMs: () => nowMs })
  const all = () => twenty(at => guard.admit(attemptOf(`person${at}`, ADDRESS)))

  await guard.admit(attemptOf('ada', ADDRESS))
  t.equal(state.calls, 1)
  await all()
  t.equal(state.calls, 1, 'open: no call')
  nowMs = 1000
  await all()
  t.equal(state.calls, 2, 'one probe')
  t.equal(failures.length, 2, 'each failed call is reported')
  state.isUp = true
  nowMs = 2000
  await all()
  t.equal(state.calls, 3, 'one probe, which succeeds')
  await all()
  t.equal(state.calls, 23, 'closed: each calls Redis')
  t.equal(failures.length, 2)
})

t.test('clear() calls Redis while the circuit breaker is open, too: the owner clears a block once', async t => {
  const { state, redis } = await openSwitchedRedis(t)
  const guard = guardOver(redis, { onStoreFailure: () => {}, nowMs: () => 0 })
  await guard.admit(attemptOf('ada', ADDRESS))
  state.isUp = true
  await guard.admit(attemptOf('ada', ADDRESS))
  t.equal(state.calls, 1, 'the circuit breaker is open')
  await guard.clear(attemptOf('ada', ADDRESS))
  t.equal(state.calls, 2)
  await guard.admit(attemptOf('ada', ADDRESS))
  t.equal(state.calls, 3, 'and its success closes the circuit breaker')
})

t.test('attempts and clear() share one circuit breaker: any failure opens it, any success closes it', async t => {
  const { state, redis } = await openSwitchedRedis(t)
  let nowMs = 0
  const guard = guardOver(redis, { onStoreFailure: () => {}, nowMs: () => nowMs })
  await guard.clear(attemptOf('ada', ADDRESS))
  await twenty(at => guard.admit(attemptOf(`person${at}`, ADDRESS)))
  t.equal(state.calls, 1, 'after a failed clear() no attempt waits for Redis')
  nowMs = 1000
  state.isUp = true
  await guard.clear(attemptOf('ada', ADDRESS))
  await twenty(at => guard.admit(attemptOf(`person${at}`, ADDRESS)))
  t.equal(state.calls, 22, 'a successful clear() closes it')
})

t.test('clear() while the circuit breaker is open does not postpone the next probe', async t => {
  const { state, redis } = await openSwitchedRedis(t)
  let nowMs = 0
  const guard = guardOver(redis, { onStoreFailure: () => {}, nowMs: () => nowMs })
  await guard.admit(attemptOf('ada', ADDRESS))
  for (nowMs = 100; nowMs < 1000; nowMs += 100) await guard.clear(attemptOf('ada', ADDRESS))
  t.equal(state.calls, 10)
  await guard.admit(attemptOf('ada', ADDRESS))
  t.equal(state.calls, 11)
})

t.test('the pause is counted from the failure, so that one shorter than the deadline holds, too', async t => {
  let nowMs = 0
  const { state, redis } = await openSwitchedRedis(t, () => {
    nowMs += 250
  })
  const guard = guardOver(redis, { onStoreFailure: () => {}, breakerResetMs: 100, nowMs: () => nowMs })
  for (const method of ['admit', 'clear'] as const) {
    nowMs += 100
    const before = state.calls
    await guard[method](attemptOf('ada', ADDRESS))
    nowMs += 99
    await guard.admit(attemptOf('ada', ADDRESS))
    t.equal(state.calls - before, 1, method)
  }
})

t.test('parseGuardDecision() refuses every reply that the script could not have given to the attempt', async t => {
  const open = { ...WRONG, captchaUnsolved: true }
  t.match(parseGuardDecision([0, 0, 0, 1], WRONG), { retryAfterMs: 0, obstacle: undefined, accountAttacked: true })
  t.match(parseGuardDecision([5, 2, 1, 0], open), { retryAfterMs: 5, obstacle: 'pair', captchaDue: true })
  const nonsense: readonly (readonly [unknown, AttemptFacts])[] = [
    ...[undefined, null, 'OK', 0, {}, [], [0], [0, 0, 0], [0, 0, 0, 0, 0], [[0, 0, 0, 0]]].map(
      reply => [reply, WRONG] as const
    ),
    ...[null, true, '0', '', -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53].flatMap(value => [
      [[value, 1, 0, 0], WRONG] as const,
      [[0, value, 0, 0], WRONG] as const,
      [[0, 0, value, 0], open] as const,
      [[0, 0, 0, value], WRONG] as const
    ]),
    [[5, 0, 0, 0], WRONG],
    [[0, 1, 0, 0], WRONG],
    [[5, 4, 0, 0], WRONG],
    [[0, 0, 1, 0], WRONG],
    [[0, 0, 1, 1], open],
    [[5, 1, 0, 1], WRONG],
    [[0, 0, 0, 1], { ...WRONG, outcome: 'right' }],
    [[0, 0, 0, 1], { ...WRONG, outcome: 'pending' }]
  ]
  for (const [reply, attempt] of nonsense)
    t.throws(() => parseGuardDecision(reply, attempt), StoreError, JSON.stringify(reply))
})

/** A failure memory with half of each limit, and attempts on an account of its own each. */
function halvedMemory(maxSubjects: number) {
  const memory = createFailureMemory(fallbackPolicy(DEFAULT_GUARD_POLICY, 0.5), maxSubjects)
  let person = 0
  const obstacleAt = (clientAddress: string, outcome: AttemptFacts['outcome'] = 'wrong') =>
    memory.decide(subjectKeys(SECRET, { email: `person${person++}`, clientAddress }), { ...WRONG, outcome }, 0).obstacle
  return { memory, obstacleAt }
}

t.test('a failure memory forgets only beyond its bound, and never the half that failed most recently', async t => {
  const { obstacleAt } = halvedMemory(4)
  obstacleAt('192.0.2.1')
  obstacleAt('192.0.2.1')
  t.equal(obstacleAt('192.0.2.1'), 'address', 'blocked')
  obstacleAt('192.0.2.2')
  t.equal(obstacleAt('192.0.2.1'), 'address', 'remembered beside another one')
  for (const other of [3, 4, 5]) obstacleAt(`192.0.2.${other}`)
  t.equal(obstacleAt('192.0.2.1'), undefined, 'forgotten after four others')
})

t.test('no number of reads pushes a blocked subject out of a failure memory', async t => {
  const { obstacleAt } = halvedMemory(4)
  const blocked = '192.0.2.1'
  obstacleAt(blocked)
  obstacleAt(blocked)
  for (const other of [2, 3, 4]) obstacleAt(`192.0.2.${other}`)
  for (let round = 0; round < 10; round++) {
    for (const other of [2, 3, 4, 5, 6]) obstacleAt(`192.0.2.${other}`, 'pending')
    t.equal(obstacleAt(blocked, 'pending'), 'address')
  }
})

t.test('a success clears the delay in a failure memory, too', async t => {
  const { memory } = halvedMemory(10)
  const keys = subjectKeys(SECRET, { email: 'ada@example.com', clientAddress: ADDRESS })
  const decide = (outcome: AttemptFacts['outcome'], nowMs: number) => memory.decide(keys, { ...WRONG, outcome }, nowMs)
  decide('wrong', 0)
  t.match(decide('right', 999), { obstacle: 'pair', retryAfterMs: 1 })
  t.match(decide('right', 1000), { obstacle: undefined })
  t.match(decide('pending', 1000), { obstacle: undefined })
})

t.test('fallbackPolicy() keeps at least one failure of each number, and all times', async t => {
  const tenth = fallbackPolicy(DEFAULT_GUARD_POLICY, 0.1)
  t.strictSame(tenth, {
    address: { ...DEFAULT_GUARD_POLICY.address, maxFailures: 1 },
    pair: { ...DEFAULT_GUARD_POLICY.pair, delayAfterFailures: 1 },
    account: { ...DEFAULT_GUARD_POLICY.account, maxFailures: 1 },
    captchaAfterFailures: 1
  })
})
