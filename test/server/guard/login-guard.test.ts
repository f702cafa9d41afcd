/** The login guard through the real client, on every engine: limits under parallelism, waits, and the keys in Redis. Over 200 lines: one rule a test. */

import { createSecretKey, randomBytes } from 'node:crypto'
import t from 'tap'
import { openRedis } from '../../../edge/store/open-redis.ts'
import type { LoginAttempt, LoginGuard } from '../../../server/guard/login-guard.ts'
import { redisBackends } from '../../lib/redis-backends.ts'
import {
  attemptOf,
  DEFAULT_GUARD_POLICY,
  guardOver,
  openDrivenGuard,
  openLaneGuard,
  signIn,
  wordedResult
} from './lib/guard-place.ts'

const MINUTE_MS = 60_000
const ADDRESS = '203.0.113.7'

/** The number of times that each answer came. */
function tally(answers: readonly string[]): Record<string, number> {
  const times: Record<string, number> = {}
  for (const answer of answers) times[answer.replace(/ \d+$/, '')] = (times[answer.replace(/ \d+$/, '')] ?? 0) + 1
  return times
}

/** Admits all before recording the first: the worst case of parallelism. */
async function allAtOnce(guard: LoginGuard, attempts: readonly LoginAttempt[], isCorrect = (_at: number) => false) {
  const admitted = await Promise.all(attempts.map(attempt => guard.admit(attempt)))
  const refused = admitted.filter(({ ok }) => !ok).length
  const results = await Promise.all(
    attempts.map((attempt, at) => guard.record(attempt, isCorrect(at) ? 'right' : 'wrong'))
  )
  return { refused, answers: results.map((one, at) => wordedResult(one, isCorrect(at))) }
}

const fifty = <T>(make: (at: number) => T) => Array.from({ length: 50 }, (_, at) => make(at))

for (const lane of redisBackends()) {
  t.test(`on ${lane.name}`, { skip: lane.skip }, async t => {
    t.test('of fifty wrong attempts at once from one address exactly five are answered', async t => {
      const { guard } = await openLaneGuard(t, lane)
      const { refused, answers } = await allAtOnce(
        guard,
        fifty(at => attemptOf(`person${at}`, ADDRESS))
      )
      t.equal(refused, 0, 'all were admitted')
      t.strictSame(tally(answers), { wrong: 5, 'too-many-attempts': 45 })
      const waits = answers.filter(answer => answer !== 'wrong').map(answer => Number(answer.split(' ')[1]))
      t.ok(Math.max(...waits) <= 1800 && Math.min(...waits) > 1700, 'the others have to wait for the end of the block')
    })

    t.test('of fifty interleaved sign-ins exactly five are answered, too', async t => {
      const { guard } = await openLaneGuard(t, lane)
      const answers = await Promise.all(fifty(at => signIn(guard, attemptOf(`person${at}`, ADDRESS), false)))
      t.strictSame(tally(answers), { wrong: 5, 'too-many-attempts': 45 })
    })

    t.test(
      'of fifty wrong attempts at once on one account from one address two are answered before the delay',
      async t => {
        const { guard } = await openLaneGuard(t, lane)
        const { answers } = await allAtOnce(
          guard,
          fifty(() => attemptOf('ada', ADDRESS))
        )
        t.strictSame(tally(answers), { wrong: 2, 'too-many-attempts': 48 })
      }
    )

    t.test('a right password that is recorded beyond the limit looks like a wrong one', async t => {
      const { guard } = await openLaneGuard(t, lane)
      const attempts = fifty(at => attemptOf(`person${at}`, ADDRESS))
      for (const attempt of attempts) await guard.admit(attempt)
      for (const attempt of attempts.slice(0, 5)) t.ok((await guard.record(attempt, 'wrong')).answerable)
      for (const [at, attempt] of attempts.slice(5).entries()) {
        const result = await guard.record(attempt, at % 2 === 0 ? 'right' : 'wrong')
        t.match(result, { answerable: false, failure: { problem: 'too-many-attempts' } })
      }
    })

    t.test('a right password that is recorded during the delay is not answered and does not end the delay', async t => {
      const { guard } = await openLaneGuard(t, lane)
      const { answers } = await allAtOnce(
        guard,
        [1, 2, 3].map(() => attemptOf('ada', ADDRESS))
      )
      t.strictSame(tally(answers), { wrong: 2, 'too-many-attempts': 1 })
      t.match(await guard.record(attemptOf('ada', ADDRESS), 'right'), { answerable: false })
      t.match(await guard.admit(attemptOf('ada', ADDRESS)), { problem: 'too-many-attempts', retryAfterSeconds: 1 })
    })

    t.test('fifty right passwords at once from one address are all answered', async t => {
      const { guard } = await openLaneGuard(t, lane)
      const { refused, answers } = await allAtOnce(
        guard,
        fifty(at => attemptOf(`person${at % 3}`, ADDRESS)),
        () => true
      )
      t.equal(refused, 0)
      t.strictSame(tally(answers), { right: 50 })
    })

    t.test(
      'of fifty attempts at once from fifty addresses on one account ten are answered, and one begins the block',
      async t => {
        const { guard } = await openLaneGuard(t, lane)
        const { answers } = await allAtOnce(
          guard,
          fifty(at => attemptOf('ada', `198.51.100.${at}`))
        )
        t.strictSame(tally(answers), { wrong: 9, 'wrong, attacked': 1, 'too-many-attempts': 40 })

        const device = { knownDevice: true }
        t.match(
          await signIn(guard, attemptOf('ada', '192.0.2.1'), true),
          /^too-many-attempts 1[78]\d\d$/,
          'an unknown device'
        )
        t.equal(await signIn(guard, attemptOf('ada', '192.0.2.2', device), false), 'wrong', 'a known one')
        t.equal(await signIn(guard, attemptOf('ada', '192.0.2.2', device), true), 'right')
        t.equal(await signIn(guard, attemptOf('bob', '192.0.2.1'), true), 'right', 'another account')
      }
    )

    t.test('an IPv6 client is counted by its /64, apart from the next /64', async t => {
      const { guard } = await openLaneGuard(t, lane)
      const { answers } = await allAtOnce(
        guard,
        fifty(at => attemptOf(`person${at}`, `2001:db8:1:2:${at}::1`))
      )
      t.strictSame(tally(answers), { wrong: 5, 'too-many-attempts': 45 })
      t.equal(await signIn(guard, attemptOf('ada', '2001:db8:1:3::1'), false), 'wrong')
    })

    t.test('no key in Redis contains personal data, and every key expires', async t => {
      const { guard, rest, backend, keys } = await openLaneGuard(t, lane)
      await signIn(guard, attemptOf('ada', ADDRESS), false)
      // The very first call may have sent the script's source as well.
      const before = rest.commands()
      await signIn(guard, attemptOf('ada', ADDRESS), false)
      t.equal(rest.commands() - before, 2, 'one round trip to admit and one to record')

      t.equal(keys.size, 3, 'an address, an account, and both together')
      for (const key of keys) {
        t.notMatch(key + JSON.stringify(await backend.execute(['HGETALL', key])), /example|203\.0\.113/)
        t.ok(Number(await backend.execute(['PTTL', key])) > 0, 'it expires')
      }
    })
  })
}

t.test(
  'five failures in a sliding window begin a block of 30 minutes, which further attempts do not prolong',
  async t => {
    let nowMs = 0
    const { guard } = await openDrivenGuard(t, () => nowMs)
    const failAt = (atMs: number, name: string) => {
      nowMs = atMs
      return signIn(guard, attemptOf(name, ADDRESS), false)
    }
    // Across the boundary of every fixed window of ten minutes.
    for (const at of [0, 1, 2, 3]) t.equal(await failAt(9 * MINUTE_MS + at, `person${at}`), 'wrong')
    t.equal(await failAt(11 * MINUTE_MS, 'person4'), 'wrong', 'the fifth is answered')
    const endMs = 41 * MINUTE_MS
    for (let atMs = 11 * MINUTE_MS; atMs < endMs; atMs += 3 * MINUTE_MS) {
      t.equal(
        await failAt(atMs, 'person5'),
        `too-many-attempts ${(endMs - atMs) / 1000}`,
        'no attempt prolongs the block'
      )
    }
    t.equal(await failAt(endMs - 1, 'person5'), 'too-many-attempts 1', 'it holds until its last millisecond')
    t.equal(await failAt(endMs, 'person5'), 'wrong', 'then it is over')
  }
)

t.test('failures leave the window one by one', async t => {
  let nowMs = 0
  const { guard } = await openDrivenGuard(t, () => nowMs)
  for (let at = 0; at < 20; at++) {
    nowMs = at * 2.5 * MINUTE_MS
    t.equal(
      await signIn(guard, attemptOf(`person${at}`, ADDRESS), false),
      'wrong',
      'never more than four in ten minutes'
    )
  }
})

t.test(
  'Retry-After is exact for the delay of an address on an account: the same attempt is admitted after it and not sooner',
  async t => {
    let nowMs = 0
    const policy = { ...DEFAULT_GUARD_POLICY, address: { maxFailures: 100, windowMs: 600_000, blockMs: 1_800_000 } }
    const { guard } = await openDrivenGuard(t, () => nowMs, { policy })
    const ada = (correct: boolean) => signIn(guard, attemptOf('ada', ADDRESS), correct)
    t.equal(await ada(false), 'wrong')
    for (const seconds of [1, 2, 4, 8]) {
      t.equal(await ada(false), 'wrong')
      t.equal(await ada(true), `too-many-attempts ${seconds}`)
      nowMs += seconds * 1000 - 1
      t.equal(await ada(true), 'too-many-attempts 1')
      nowMs += 1
    }
    t.equal(await ada(true), 'right')
  }
)

t.test('a success clears the delay of its address and account, and no other count', async t => {
  let nowMs = 0
  const { guard } = await openDrivenGuard(t, () => nowMs)
  const ada = (correct: boolean) => signIn(guard, attemptOf('ada', ADDRESS), correct)
  t.strictSame([await ada(false), await ada(false)], ['wrong', 'wrong'])
  nowMs += 1000
  t.equal(await ada(true), 'right')
  t.equal(await ada(false), 'wrong', 'the third failure of the address')
  t.equal(await ada(false), 'wrong', 'without a delay: it is the second in a row')
  nowMs += 1000
  t.equal(await ada(true), 'right')
  t.equal(await ada(false), 'wrong', 'the fifth')
  t.equal(await ada(true), 'too-many-attempts 1800')
})

t.test('under another secret all counts begin again', async t => {
  const subjectSecret = createSecretKey(randomBytes(32))
  const { guard, rest } = await openDrivenGuard(t, () => 0, { subjectSecret })
  for (let at = 0; at < 5; at++) await signIn(guard, attemptOf(`person${at}`, ADDRESS), false)
  const redis = openRedis({ ...rest, deadlineMs: 20_000 })
  const same = guardOver(redis, { subjectSecret })
  const other = guardOver(redis)
  t.equal(await signIn(same, attemptOf('ada', ADDRESS), true), 'too-many-attempts 1800', 'a second origin knows')
  t.equal(await signIn(other, attemptOf('ada', ADDRESS), true), 'right')
})

t.test('createLoginGuard() refuses invalid options', async t => {
  const { address } = DEFAULT_GUARD_POLICY
  const redis = openRedis({ url: 'http://127.0.0.1:1', token: 'unused' })
  for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const policy = { ...DEFAULT_GUARD_POLICY, address: { ...address, maxFailures: wrong } }
    t.throws(() => guardOver(redis, { policy }), TypeError, `maxFailures ${wrong}`)
    t.throws(() => guardOver(redis, { breakerResetMs: wrong }), TypeError, `breakerResetMs ${wrong}`)
  }
  for (const fallbackShare of [0, -0.5, 1.01, Number.NaN])
    t.throws(() => guardOver(redis, { fallbackShare }), TypeError)
  t.throws(() => guardOver(redis, { subjectSecret: createSecretKey(randomBytes(31)) }), TypeError, 'a short secret')
})

t.test('clear() ends the block of an account and the delay of one client on it, and no other count', async t => {
  const policy = { ...DEFAULT_GUARD_POLICY, account: { maxFailures: 2, windowMs: 900_000, blockMs: 1_800_000 } }
  const { guard } = await openDrivenGuard(t, () => 0, { policy })
  const ada = (clientAddress: string, correct: boolean) => signIn(guard, attemptOf('ada', clientAddress), correct)
  const clear = (name: string) => guard.clear(attemptOf(name, ADDRESS))
  for (const outcome of ['wrong', 'wrong, attacked']) t.equal(await ada(ADDRESS, false), outcome)
  await clear('eve')
  t.equal(await ada(ADDRESS, true), 'too-many-attempts 1800', 'of another account')
  await clear('ada')
  t.equal(await ada(ADDRESS, true), 'right', 'from this client at once')
  t.equal(await ada('198.51.100.1', true), 'right', 'and from every other one')

  for (const at of [2, 3, 4]) t.equal(await signIn(guard, attemptOf(`person${at}`, ADDRESS), false), 'wrong')
  await clear('ada')
  t.equal(await ada(ADDRESS, true), 'too-many-attempts 1800', 'five failures of this client are still five')
})
