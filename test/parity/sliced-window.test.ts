/** The rule and its Lua twin: the same grants and the same memory, to the last bit, on every engine. */

import t from 'tap'
import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import { parseGrant, quotaCall } from '../../edge/limiter/quota-call.ts'
import { slicedWindowScript } from '../../edge/limiter/script.ts'
import { type Ask, decide, type Grant, ONE, type Settlement, type Slice } from '../../edge/limiter/sliced-window.ts'
import { between, createRandom, pick, type Random } from '../../local/random.ts'
import type { RedisBackend } from '../../local/redis-rest.ts'
import { redisBackends } from '../lib/redis-backends.ts'

const TRACES = 2_000
/** The number of traces that are sent to the engine at a time. */
const ABREAST = 50

interface Step {
  readonly nowMs: number
  readonly ask: Ask
  /** A quota may be changed between two asks. */
  readonly policy: QuotaPolicy
}

type Trace = readonly Step[]

for (const lane of redisBackends()) {
  t.test(`the Lua twin agrees with decide() on ${TRACES} random traces: ${lane.name}`, { skip: lane.skip }, async t => {
    const { backend, prefix } = await lane.open(t)
    await backend.execute(['SCRIPT', 'LOAD', slicedWindowScript.source])
    const random = createRandom(31)
    const traces = Array.from({ length: TRACES }, () => randomTrace(random))
    const seen = { steps: 0, refused: 0, later: 0, leased: 0 }
    for (let i = 0; i < traces.length; i += ABREAST) {
      const batch = traces.slice(i, i + ABREAST)
      const found = await Promise.all(batch.map((trace, k) => replay(backend, `${prefix}${i + k}`, trace)))
      for (const [k, trace] of batch.entries()) {
        const expected = predict(trace)
        if (!t.strictSame(found[k], expected, `trace ${i + k} of ${trace.length} steps`)) return t.comment(trace)
        seen.steps += trace.length
        for (const { granted, later } of expected.grants) {
          if (granted === 0) seen.refused++
          if (granted > 1) seen.leased++
          if (later.length > 0) seen.later++
        }
      }
    }
    for (const [what, count] of Object.entries(seen)) t.ok(count > 500, `${count} ${what}`)
  })

  t.test(`the Lua twin uses the clock of Redis by default: ${lane.name}`, { skip: lane.skip }, async t => {
    const { backend, prefix } = await lane.open(t)
    const policy = { quota: 2, windowMs: 60_000, sliceMs: 1000 }
    const before = await timeOf(backend)
    const grants = [1, 2, 3].map(async () => parseGrant(await put(backend, `${prefix}clock`, policy, ONE), policy, ONE))
    const [first, second, third] = await Promise.all(grants)
    const after = await timeOf(backend)
    for (const dated of [first, second, third]) {
      const nowMs = dated?.redisNowMs ?? 0
      t.ok(nowMs >= before && nowMs <= after, 'the time of Redis')
      t.equal(dated?.grant.index, Math.floor(nowMs / 1000))
    }
    t.match(
      [first?.grant, second?.grant],
      [
        { granted: 1, remaining: 1, retryAfterMs: 0 },
        { granted: 1, remaining: 0 }
      ]
    )
    t.match(third?.grant, { granted: 0, remaining: 0 })
    const leavesAtMs = ((first?.grant.index ?? 0) + 1) * 1000 + 60_000
    t.equal(third?.grant.retryAfterMs, leavesAtMs - (third?.redisNowMs ?? 0))
    const ttl = Number(await backend.execute(['PTTL', `${prefix}clock`]))
    t.ok(ttl > 60_000 && ttl <= 62_000, 'and its key expires')
  })
}

/** The grants of the rule, and the slices after them. */
function predict(trace: Trace) {
  let slices: readonly Slice[] = []
  const grants = trace.map(({ policy, ask, nowMs }): Grant => {
    const decided = decide(policy, slices, ask, nowMs)
    slices = decided.slices
    return decided.grant
  })
  return { grants, remembered: slices.map(({ index, count }) => [String(index), String(count)]) }
}

/** The grants of the script, and the slices in Redis after them. */
async function replay(backend: RedisBackend, key: string, trace: Trace): Promise<ReturnType<typeof predict>> {
  const grants: Grant[] = []
  for (const { policy, ask, nowMs } of trace) {
    const { grant, redisNowMs } = parseGrant(await put(backend, key, policy, ask, nowMs), policy, ask)
    if (redisNowMs !== nowMs) throw new Error(`expected the time ${nowMs}, found ${redisNowMs}`)
    grants.push(grant)
  }
  const fields = (await backend.execute(['HGETALL', key])) as string[]
  const remembered = Array.from({ length: fields.length / 2 }, (_, i) => fields.slice(2 * i, 2 * i + 2))
  return { grants, remembered: remembered.sort((a, b) => Number(a[0]) - Number(b[0])) }
}

async function put(backend: RedisBackend, key: string, policy: QuotaPolicy, ask: Ask, nowMs?: number) {
  const { script, args } = quotaCall(key, policy, ask, nowMs)
  return backend.execute(['EVAL', script.source, '1', key, ...args.map(String)])
}

/** Windows of a minute at least: keys expire by the real clock, whatever time the trace plays in. */
function randomTrace(random: Random): Trace {
  const windowMs = pick(random, [60_000, 60_001, 599_999, 3_600_000, 999_999_000])
  const sliceMs = Math.max(1, Math.floor(windowMs / pick(random, [2, 3, 7, 60, 120, 1000])))
  const quota = pick(random, [1, 2, 5, 10, 300, 600, 999_999_999])
  // From 1970, over now, to the last time that Redis can name in microseconds.
  let nowMs = pick(random, [0, 1, 1_800_000_000_000, 2 ** 41 - 1, 9_000_000_000_000])
  const debited = new Set<number>()
  return Array.from({ length: between(random, 4, 16) }, () => {
    nowMs = nextTime(random, nowMs, { quota, windowMs, sliceMs })
    const policy = { quota: random() < 0.9 ? quota : between(random, 1, quota), windowMs, sliceMs }
    const ask = randomAsk(random, policy, nowMs, [...debited])
    debited.add(Math.floor((nowMs + ask.lifeMs) / sliceMs))
    return { nowMs, ask, policy }
  })
}

function nextTime(random: Random, nowMs: number, { windowMs, sliceMs }: QuotaPolicy): number {
  const nextSliceMs = (Math.floor(nowMs / sliceMs) + 1) * sliceMs
  return pick(random, [
    nowMs,
    nowMs,
    nowMs + 1,
    nextSliceMs - 1,
    nextSliceMs,
    nowMs + between(random, 0, windowMs),
    nowMs + windowMs - between(random, 0, 3_000),
    nowMs + windowMs,
    nowMs + windowMs + sliceMs,
    Math.max(0, nowMs - between(random, 0, 2 * sliceMs))
  ])
}

function randomAsk(random: Random, { quota, sliceMs }: QuotaPolicy, nowMs: number, debited: readonly number[]): Ask {
  const waiting = pick(random, [1, 1, 1, 2, 3, Math.ceil(quota / 2), quota, quota + 1])
  return {
    waiting,
    want: waiting + pick(random, [0, 0, 1, 5, Math.ceil(quota / 10), quota]),
    lifeMs: pick(random, [0, 1, 250, 400, 999, 6_000, sliceMs, 2 * sliceMs]),
    settlements: Array.from({ length: pick(random, [0, 0, 1, 2, 5]) }, () => {
      return randomSettlement(random, Math.floor(nowMs / sliceMs), debited, quota)
    })
  }
}

/** Invalid ones, too: of more than was debited, from empty slices, into the far past and future. */
function randomSettlement(random: Random, now: number, debited: readonly number[], quota: number): Settlement {
  const somewhere = () => Math.max(0, now + pick(random, [-1_000_000, -121, -1, 0, 1, 5, 1_000_000]))
  const known = debited[Math.floor(random() * debited.length)] ?? now
  return {
    from: random() < 0.8 ? known : somewhere(),
    to: pick(random, [undefined, known, known - 1, now, somewhere()]),
    count: pick(random, [1, 1, 2, 5, quota, 999_999_999])
  }
}

async function timeOf(backend: RedisBackend): Promise<number> {
  const [seconds, micros] = (await backend.execute(['TIME'])) as [string, string]
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}
