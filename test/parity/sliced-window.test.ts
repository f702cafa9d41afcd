/** The rule and its Lua twin: the same decisions and the same memory, to the last bit, on every engine. */

import t from 'tap'
import type { QuotaPolicy } from '../../edge/contract/policies.ts'
import { slicedWindowScript } from '../../edge/limiter/script.ts'
import { decide, leavesAtMs, type Slice } from '../../edge/limiter/sliced-window.ts'
import type { RedisBackend } from '../../local/redis-rest.ts'
import { between, createRandom, pick, type Random } from '../edge/lib/random.ts'
import { redisBackends } from '../lib/redis-backends.ts'

const TRACES = 2_000
/** Traces that are on their way to the engine at a time. */
const ABREAST = 50

interface Step {
  readonly nowMs: number
  readonly cost: number
}

/** A policy and what is asked of it. */
interface Trace {
  readonly policy: QuotaPolicy
  readonly steps: readonly Step[]
}

for (const lane of redisBackends()) {
  t.test(`the Lua twin agrees with decide() on ${TRACES} random traces: ${lane.name}`, { skip: lane.skip }, async t => {
    const { backend, prefix } = await lane.open(t)
    await backend.execute(['SCRIPT', 'LOAD', slicedWindowScript.source])
    const random = createRandom(31)
    const traces = Array.from({ length: TRACES }, () => randomTrace(random))
    let [steps, refused] = [0, 0]
    for (let i = 0; i < traces.length; i += ABREAST) {
      const batch = traces.slice(i, i + ABREAST)
      const found = await Promise.all(batch.map((trace, k) => replay(backend, `${prefix}${i + k}`, trace)))
      for (const [k, trace] of batch.entries()) {
        const expected = predict(trace)
        if (!t.strictSame(found[k], expected, `trace ${i + k} of ${trace.steps.length} steps`)) return t.comment(trace)
        steps += trace.steps.length
        refused += expected.decisions.filter(([allowed]) => allowed === 0).length
      }
    }
    t.ok(refused > steps / 10 && refused < (steps * 9) / 10, `${refused} of ${steps} requests were refused`)
  })

  t.test(
    `the Lua twin takes the clock of Redis where it is given no time: ${lane.name}`,
    { skip: lane.skip },
    async t => {
      const { backend, prefix } = await lane.open(t)
      const key = `${prefix}clock`
      const ask = () => backend.execute(['EVAL', slicedWindowScript.source, '1', key, '2', '60000', '1000', '1', ''])
      const [before, first, second, third, after] = [
        await timeOf(backend),
        await ask(),
        await ask(),
        await ask(),
        await timeOf(backend)
      ]
      t.strictSame(
        [first, second],
        [
          [1, 1, 0],
          [1, 0, 0]
        ]
      )
      const [allowed, remaining, retryAfterMs] = third as [number, number, number]
      t.strictSame([allowed, remaining], [0, 0])
      // The first slice leaves a window after its end.
      const leaves = (ms: number) => (Math.floor(ms / 1000) + 1) * 1000 + 60_000
      t.ok(retryAfterMs >= leaves(before) - after && retryAfterMs <= leaves(after) - before, `${retryAfterMs} ms`)
      const ttl = Number(await backend.execute(['PTTL', key]))
      t.ok(ttl > 60_000 && ttl <= 62_000, 'and what it wrote goes by itself')
    }
  )
}

/** What the rule says, and what is then remembered. */
function predict({ policy, steps }: Trace) {
  let slices: Slice[] = []
  const decisions = steps.map(({ nowMs, cost }) => {
    const { allowed, remaining, retryAfterMs } = decide(policy, slices, nowMs, cost)
    slices = slices.filter(slice => leavesAtMs(policy, slice.index) > nowMs)
    if (allowed) slices = debited(slices, Math.floor(nowMs / policy.sliceMs), cost)
    return [allowed ? 1 : 0, remaining, retryAfterMs]
  })
  return { decisions, remembered: slices.map(({ index, count }) => [String(index), String(count)]) }
}

/** What the script says, and what is then in Redis. */
async function replay(
  backend: RedisBackend,
  key: string,
  { policy, steps }: Trace
): Promise<ReturnType<typeof predict>> {
  const decisions: number[][] = []
  for (const { nowMs, cost } of steps) {
    const argv = [policy.quota, policy.windowMs, policy.sliceMs, cost, nowMs].map(String)
    decisions.push((await backend.execute(['EVALSHA', slicedWindowScript.sha1, '1', key, ...argv])) as number[])
  }
  const fields = (await backend.execute(['HGETALL', key])) as string[]
  const remembered = Array.from({ length: fields.length / 2 }, (_, i) => fields.slice(2 * i, 2 * i + 2))
  return { decisions, remembered: remembered.sort((a, b) => Number(a[0]) - Number(b[0])) }
}

function debited(slices: readonly Slice[], index: number, cost: number): Slice[] {
  const before = slices.find(slice => slice.index === index)?.count ?? 0
  const others = slices.filter(slice => slice.index !== index)
  return [...others, { index, count: before + cost }].sort((a, b) => a.index - b.index)
}

/** Windows of a minute at least: keys expire by the real clock, whatever time the trace plays in. */
function randomTrace(random: Random): Trace {
  const windowMs = pick(random, [60_000, 60_001, 599_999, 3_600_000, 999_999_000])
  const sliceMs = Math.max(1, Math.floor(windowMs / pick(random, [2, 3, 7, 60, 61, 1000])))
  const policy = { quota: pick(random, [1, 2, 5, 10, 300, 999_999_999]), windowMs, sliceMs }
  // From 1970, over now, to the last time whose microseconds Redis could name.
  let nowMs = pick(random, [0, 1, 1_800_000_000_000, 2 ** 41 - 1, 9_000_000_000_000])
  const steps = Array.from({ length: between(random, 4, 16) }, () => {
    const nextSliceMs = (Math.floor(nowMs / sliceMs) + 1) * sliceMs
    nowMs = pick(random, [
      nowMs,
      nowMs,
      nowMs + 1,
      nextSliceMs - 1,
      nextSliceMs,
      nowMs + between(random, 0, windowMs),
      nowMs + windowMs,
      nowMs + windowMs + sliceMs,
      Math.max(0, nowMs - between(random, 0, 2 * sliceMs))
    ])
    return { nowMs, cost: pick(random, [1, 1, 1, 2, 3, Math.ceil(policy.quota / 2), policy.quota, policy.quota + 1]) }
  })
  return { policy, steps }
}

async function timeOf(backend: RedisBackend): Promise<number> {
  const [seconds, micros] = (await backend.execute(['TIME'])) as [string, string]
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}
