/** The login guard while Redis is away, slow or talks nonsense: stricter, never silent, and back by itself. */

import { createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openRedis } from '../../../edge/store/open-redis.ts'
import { StoreError } from '../../../edge/store/run-scripts.ts'
import { createFailureMemory, fallbackPolicy } from '../../../server/guard/failure-memory.ts'
import { parseGuardDecision } from '../../../server/guard/failure-store.ts'
import type { AttemptFacts } from '../../../server/guard/rule.ts'
import { subjectKeys } from '../../../server/guard/subject-keys.ts'
import { attemptOf, DEFAULT_GUARD_POLICY, guardOver, signIn } from './lib/guard-place.ts'

const ADDRESS = '203.0.113.7'
const SECRET = createSecretKey(new Uint8Array(32))
const WRONG: AttemptFacts = { knownDevice: false, captchaUnsolved: false, outcome: 'wrong' }

/** Something that listens where Redis should, and answers as it is told. */
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

/** A URL at which nobody listens any more. */
async function deserted(): Promise<string> {
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

/** As Redis answers a pipeline of one command. */
const replying = (result: unknown) => answering(200, 'application/json', JSON.stringify([{ result }]))

const FAILURES: Readonly<Record<string, RequestListener | undefined>> = {
  'nobody listens': undefined,
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
    const url = listener ? await openStandIn(t, listener) : await deserted()
    const failures: Error[] = []
    let nowMs = 0
    const guard = guardOver(openRedis({ url, token: 'a', deadlineMs: 100 }), {
      onStoreFailure: error => failures.push(error),
      nowMs: () => nowMs
    })
    const answers: string[] = []
    for (const person of ['ada', 'bob', 'cid']) answers.push(await signIn(guard, attemptOf(person, ADDRESS), false))
    t.strictSame(answers, ['wrong', 'wrong', 'too-many-attempts 1800'])
    t.equal(failures.length, 1, 'it is said once, and Redis is then left alone')
    t.notMatch(String(failures[0]?.message), /203\.0\.113|ada|login-guard/, 'without naming anybody')

    nowMs = 1000
    t.equal(await signIn(guard, attemptOf('ada', '192.0.2.1'), true), 'right', 'honest people get in')
    t.equal(failures.length, 2, 'after a second Redis was asked again')
  })
}

for (const [name, listener] of Object.entries(FAILURES)) {
  t.test(`clear() clears what is counted in memory, and says so, where ${name}`, async t => {
    const url = listener ? await openStandIn(t, listener) : await deserted()
    const failures: Error[] = []
    const guard = guardOver(openRedis({ url, token: 'a', deadlineMs: 100 }), {
      policy: { ...DEFAULT_GUARD_POLICY, account: { maxFailures: 2, windowMs: 900_000, blockMs: 1_800_000 } },
      onStoreFailure: error => failures.push(error),
      nowMs: () => 0
    })
    t.equal(await signIn(guard, attemptOf('ada', ADDRESS), false), 'wrong, attacked')
    t.match(await signIn(guard, attemptOf('ada', ADDRESS), true), 'too-many-attempts')
    await guard.clear(attemptOf('ada', ADDRESS))
    t.equal(await signIn(guard, attemptOf('ada', ADDRESS), true), 'right')
    t.equal(failures.length, 2, 'one of the attempt, one of the clearing')
    t.notMatch(String(failures[1]?.message), /203\.0\.113|ada|login-guard/, 'without naming anybody')
  })
}

t.test('parallelism does not widen the floor', async t => {
  const guard = guardOver(openRedis({ url: await deserted(), token: 'a' }), { onStoreFailure: () => {} })
  const attempts = Array.from({ length: 50 }, (_, at) => attemptOf(`person${at}`, ADDRESS))
  await Promise.all(attempts.map(attempt => guard.admit(attempt)))
  const settled = await Promise.all(attempts.map(attempt => guard.record(attempt, 'wrong')))
  t.equal(settled.filter(({ answerable }) => answerable).length, 2)
})

t.test('while Redis is left alone only one attempt finds out whether it is back', async t => {
  let asked = 0
  let isBack = false
  const url = await openStandIn(t, (request, response) => {
    asked++
    if (isBack) replying([0, 0, 0, 0])(request, response)
    else answering(500, 'text/plain', 'no')(request, response)
  })
  let nowMs = 0
  const guard = guardOver(openRedis({ url, token: 'a', deadlineMs: 20_000 }), {
    onStoreFailure: () => {},
    nowMs: () => nowMs
  })
  const twenty = () =>
    Promise.all(Array.from({ length: 20 }, (_, at) => guard.admit(attemptOf(`person${at}`, ADDRESS))))

  await guard.admit(attemptOf('ada', ADDRESS))
  t.equal(asked, 1)
  await twenty()
  t.equal(asked, 1, 'left alone')
  nowMs = 1000
  await twenty()
  t.equal(asked, 2, 'one has asked')
  isBack = true
  nowMs = 2000
  await twenty()
  t.equal(asked, 3, 'one has found out that it is back')
  await twenty()
  t.equal(asked, 23, 'and all ask again')
})

t.test('parseVerdict() takes nothing for a verdict that the script could not have answered', async t => {
  const open = { ...WRONG, captchaOpen: true }
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

t.test('the floor forgets the subject that failed longest ago, and only beyond its bound', async t => {
  const floor = createFailureMemory({ policy: DEFAULT_GUARD_POLICY, share: 0.5, maxSubjects: 2 })
  const fail = (clientAddress: string, account: string) =>
    floor.decide(subjectKeys(SECRET, account, clientAddress), WRONG, 0).obstacle
  fail('192.0.2.1', 'a')
  fail('192.0.2.1', 'b')
  t.equal(fail('192.0.2.1', 'c'), 'address', 'blocked')
  fail('192.0.2.2', 'd')
  t.equal(fail('192.0.2.1', 'e'), 'address', 'two are remembered')
  fail('192.0.2.3', 'f')
  t.equal(fail('192.0.2.1', 'g'), undefined, 'the third has displaced the first')
})

t.test('a success clears the delay on the floor, too', async t => {
  const floor = createFailureMemory({ policy: DEFAULT_GUARD_POLICY, share: 0.5, maxSubjects: 10 })
  const keys = subjectKeys(SECRET, 'ada@example.com', ADDRESS)
  const weigh = (outcome: AttemptFacts['outcome'], nowMs: number) => floor.decide(keys, { ...WRONG, outcome }, nowMs)
  weigh('wrong', 0)
  t.match(weigh('right', 999), { obstacle: 'pair', retryAfterMs: 1 })
  t.match(weigh('right', 1000), { obstacle: undefined })
  t.match(weigh('pending', 1000), { obstacle: undefined })
})

t.test('strengthen() leaves at least one failure of each number, and the times as they are', async t => {
  const tenth = fallbackPolicy(DEFAULT_GUARD_POLICY, 0.1)
  t.strictSame(tenth, {
    address: { ...DEFAULT_GUARD_POLICY.address, maxFailures: 1 },
    pair: { ...DEFAULT_GUARD_POLICY.pair, delayAfterFailures: 1 },
    account: { ...DEFAULT_GUARD_POLICY.account, maxFailures: 1 },
    captchaAfterFailures: 1
  })
})
