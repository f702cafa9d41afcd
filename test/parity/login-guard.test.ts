/** Compares the rule of the login guard with its Lua twin on seeded random traces, on every engine. */

import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { openEngineBackend, type RedisBackend } from '../../local/redis-rest.ts'
import { scriptArgs } from '../../server/guard/failure-store.ts'
import {
  type AttemptFacts,
  decide,
  type GuardDecision,
  type GuardPolicy,
  NO_DELAY,
  NO_FAILURES
} from '../../server/guard/rule.ts'
import { loginGuardScript } from '../../server/guard/script.ts'
import { redisBackends } from '../lib/redis-backends.ts'
import { type Random, seededRandom } from '../lib/redis-fuzz.ts'
import { DEFAULT_GUARD_POLICY } from '../server/guard/lib/guard-place.ts'

const TRACES = 500
const STEPS = 25
const START_MS = 1_700_000_000_000

const upTo = (random: Random, max: number) => Math.floor(random() * (max + 1))
const pick = <T>(random: Random, items: readonly T[]): T => items[upTo(random, items.length - 1)] as T

t.test('the pinned SHA-1 is that of the script', async t => {
  t.equal(createHash('sha1').update(loginGuardScript.source).digest('hex'), loginGuardScript.sha1)
})

for (const lane of redisBackends()) {
  t.test(`rule and script agree where the time is passed: ${lane.name}`, { skip: lane.skip }, async t => {
    const { backend, prefix } = await lane.open(t)
    const seen = await compare(t, async (keys, policy, attempt, nowMs) => {
      const args = scriptArgs(policy, attempt, nowMs)
      return run(
        backend,
        keys.map(key => prefix + key),
        args
      )
    })
    expectAllSeen(t, seen)
  })
}

t.test('rule and script agree on the clock of the engine: no key expires before it may', async t => {
  let engineMs = 0
  const backend = await openEngineBackend({ nowMs: () => engineMs })
  t.teardown(() => backend.close())
  const seen = await compare(t, async (keys, policy, attempt, nowMs) => {
    engineMs = nowMs
    return run(backend, keys, scriptArgs(policy, attempt))
  })
  expectAllSeen(t, seen)
})

t.test('a key expires as soon as it is no longer needed', async t => {
  const backend = await openEngineBackend({ nowMs: () => START_MS })
  t.teardown(() => backend.close())
  const policy = { ...DEFAULT_GUARD_POLICY, address: { maxFailures: 2, windowMs: 600_000, blockMs: 1_800_000 } }
  const fail = (pair: string) =>
    run(
      backend,
      ['address', pair, 'account'],
      scriptArgs(policy, { knownDevice: false, captchaUnsolved: false, outcome: 'wrong' })
    )
  const ttls = () => Promise.all(['address', 'pair1', 'account'].map(key => backend.execute(['PTTL', key])))

  await fail('pair1')
  t.strictSame(await ttls(), [600_000, 600_000, 900_000], 'its window, while nothing is blocked')
  await fail('pair2')
  t.strictSame(await ttls(), [1_800_000, 600_000, 900_000], 'its block, from then on')
})

type Weigh = (keys: string[], policy: GuardPolicy, attempt: AttemptFacts, nowMs: number) => Promise<unknown>

/** Replays all traces. Returns the kinds of decisions that occurred, so that a test can expect each of them. */
async function compare(t: Test, weigh: Weigh): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  const differences: string[] = []
  for (let seed = 0; seed < TRACES; seed++) {
    const difference = await replay(seed, weigh, seen)
    if (difference !== undefined) differences.push(difference)
  }
  t.strictSame(differences, [])
  return seen
}

async function replay(seed: number, weigh: Weigh, seen: Set<string>): Promise<string | undefined> {
  const random = seededRandom(seed)
  const policy = randomPolicy(random)
  const counted = new Map([['', NO_FAILURES]])
  const delayed = new Map([['', NO_DELAY]])
  let nowMs = START_MS
  let waitMs = 0
  for (let step = 0; step < STEPS; step++) {
    nowMs += randomLeap(random, policy, waitMs)
    const [address, account] = [`a${upTo(random, 2)}`, `u${upTo(random, 2)}`]
    const keys = [address, `${address}${account}`, account].map(name => `${seed}:${name}`) as [string, string, string]
    const attempt: AttemptFacts = {
      knownDevice: random() < 0.3,
      captchaUnsolved: random() < 0.2,
      outcome: pick(random, ['pending', 'wrong', 'wrong', 'wrong', 'unconfirmed', 'right'])
    }
    const before = {
      address: counted.get(keys[0]) ?? NO_FAILURES,
      pair: delayed.get(keys[1]) ?? NO_DELAY,
      account: counted.get(keys[2]) ?? NO_FAILURES
    }
    const { decision, state } = decide(policy, before, attempt, nowMs)
    counted.set(keys[0], state.address).set(keys[2], state.account)
    delayed.set(keys[1], state.pair)

    const [expected, found] = [
      JSON.stringify(asReply(decision)),
      JSON.stringify(await weigh(keys, policy, attempt, nowMs))
    ]
    if (expected !== found)
      return `seed ${seed}, step ${step}: expected ${expected} as the rule decides, found ${found}`
    waitMs = decision.retryAfterMs
    note(seen, decision)
  }
  return undefined
}

function note(seen: Set<string>, decision: GuardDecision): void {
  seen.add(decision.obstacle ?? 'admitted')
  if (decision.captchaDue) seen.add('captcha')
  if (decision.accountAttacked) seen.add('attacked')
}

function expectAllSeen(t: Test, seen: ReadonlySet<string>): void {
  t.strictSame(
    [...seen].sort(),
    ['account', 'address', 'admitted', 'attacked', 'captcha', 'pair'],
    'every kind of decision occurred'
  )
}

/** Windows of minutes: keys expire by the clock of the engine, and none may expire during a test that passes its own time. */
function randomPolicy(random: Random): GuardPolicy {
  const minutes = () => (5 + upTo(random, 30)) * 60_000 + upTo(random, 1)
  return {
    address: { maxFailures: 1 + upTo(random, 5), windowMs: minutes(), blockMs: minutes() },
    pair: { delayAfterFailures: 1 + upTo(random, 2), firstDelayMs: 1 + upTo(random, 100_000), windowMs: minutes() },
    account: { maxFailures: 1 + upTo(random, 7), windowMs: minutes(), blockMs: minutes() },
    captchaAfterFailures: 1 + upTo(random, 4)
  }
}

/** The times at which a decision may change, and their neighbours. */
function randomLeap(random: Random, policy: GuardPolicy, waitMs: number): number {
  const { address, pair, account } = policy
  const turns = [waitMs, address.windowMs, pair.windowMs, account.windowMs, pair.firstDelayMs]
  if (random() < 0.5) return upTo(random, 1000)
  return Math.max(0, pick(random, turns) + pick(random, [-1, 0, 1]))
}

/** A decision in the form of the script's reply. */
function asReply({ retryAfterMs, obstacle, captchaDue, accountAttacked }: GuardDecision): number[] {
  const number = obstacle === undefined ? 0 : ['address', 'pair', 'account'].indexOf(obstacle) + 1
  return [retryAfterMs, number, Number(captchaDue), Number(accountAttacked)]
}

function run(backend: RedisBackend, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
  return backend.execute(['EVAL', loginGuardScript.source, String(keys.length), ...keys, ...args.map(String)])
}
