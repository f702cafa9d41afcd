/** An admission over a real REST gateway and the engine, all on one driven clock, behind a gate that can fail. */

import { randomUUID } from 'node:crypto'
import { type Admission, type AdmissionOptions, createAdmission } from '../../../edge/admission/admission.ts'
import type { ChargeResult } from '../../../edge/admission/charge-result.ts'
import type { Conversation } from '../../../edge/admission/conversation.ts'
import type { StoreFailurePolicy } from '../../../edge/contract/policies.ts'
import type { QuotaPolicy } from '../../../edge/contract/quota-policy.ts'
import type { Charge } from '../../../edge/limiter/charge.ts'
import { createRevocationFeed, type RevocationFeed } from '../../../edge/revocation/revocation-feed.ts'
import { createRevocationView, type TokenSession } from '../../../edge/revocation/revocation-view.ts'
import { openRedis, type Redis } from '../../../edge/store/open-redis.ts'
import type { StoreError } from '../../../edge/store/run-scripts.ts'
import { openEngineBackend, openRedisRest } from '../../../local/redis-rest.ts'
import type { Teardown } from '../../lib/test-engines.ts'

const RETENTION_MS = 960_000

/**
 * `pass`, `fail` at once, `lose` the answer of a call that has run, garble the first reply, or `hang` for ever, as where the
 * request died.
 */
export type Gate = 'pass' | 'fail' | 'lose' | 'garble-first' | 'hang'

export interface AdmissionSetup {
  /** Opens another admission over the same Redis. */
  open(changes?: Partial<AdmissionOptions> & { readonly maxAgeMs?: number }): Admission
  readonly clock: { nowMs: number }
  readonly gate: { mode: Gate }
  readonly feed: RevocationFeed
  /** Redis calls that began since the last question. */
  calls(): number
  /** Commands that reached the engine since the last question. */
  commands(): number
  readonly failures: { readonly error: StoreError; readonly answeredByFallback: number }[]
  /** Receives the work behind requests. */
  readonly background: (work: Promise<unknown>) => void
  /** Waits for that work; returns how many pieces it was. */
  settled(): Promise<number>
}

/** Opens a Redis that knows the scripts, with a whole and empty revocation set. */
// Over 40 lines: the members of a setup share its Redis, its clock and its gate.
export async function openAdmissionSetup(t: Teardown): Promise<AdmissionSetup> {
  const clock = { nowMs: 1_800_000_000_000 }
  const backend = await openEngineBackend({ nowMs: () => clock.nowMs })
  const rest = await openRedisRest({ backend, token: randomUUID() })
  t.teardown(async () => {
    await rest.close()
    await backend.close()
  })
  // A long deadline: a busy machine must not shut the gate.
  const open = openRedis({ url: rest.url, token: rest.token, deadlineMs: 20_000 })
  const feed = createRevocationFeed(open, RETENTION_MS)
  await feed.rebuild(randomUUID(), async () => [])

  const gate = { mode: 'pass' as Gate }
  let calls = 0
  const seen = { calls: 0, commands: 0 }
  const redis = gated(open, gate, () => calls++)
  const failures: { error: StoreError; answeredByFallback: number }[] = []
  let left: Promise<unknown>[] = []
  const setup: AdmissionSetup = {
    open: ({ maxAgeMs = 1_000, ...changes } = {}) =>
      createAdmission({
        redis,
        view: createRevocationView({ maxAgeMs, retentionMs: RETENTION_MS, onKeyRemoved: () => {} }),
        nowMs: () => clock.nowMs,
        maxSubjects: 1_000,
        fallbackShare: 0.1,
        breakerResetMs: 250,
        onStoreFailure: (error, answeredByFallback) => failures.push({ error, answeredByFallback }),
        ...changes
      }),
    clock,
    gate,
    feed,
    calls: () => since(calls, seen, 'calls'),
    commands: () => since(rest.commands(), seen, 'commands'),
    failures,
    background: work => left.push(work),
    async settled() {
      const work = left
      left = []
      await Promise.all(work)
      return work.length
    }
  }
  // The first call of each script is answered NOSCRIPT.
  const warm = chargeOf('warm', { quota: 1, windowMs: 1_000, sliceMs: 10 })
  await begin({ ...setup, background: () => {} }, setup.open(), [warm], SESSION).ready()
  setup.calls()
  setup.commands()
  return setup
}

/** A session that has not ended, unless a test ends it. */
export const SESSION: TokenSession = { sid: randomUUID(), kid: 'k' }

/** One request under a quota. */
export function chargeOf(name: string, policy: QuotaPolicy, subject = 'a client'): Charge {
  return { name, policy, subject }
}

/** Begins a request now: anonymous, or with a session. */
export function begin(
  { clock, background }: Pick<AdmissionSetup, 'clock' | 'background'>,
  admission: Admission,
  charges: readonly Charge[],
  session?: TokenSession
): Conversation {
  const conversation = admission.begin({ charges, begunAtMs: clock.nowMs, background })
  if (session !== undefined) conversation.identify(session, [])
  return conversation
}

/** One request through an admission, as the gateway makes it. */
export async function pass(
  setup: AdmissionSetup,
  admission: Admission,
  charges: readonly Charge[]
): Promise<ChargeResult> {
  const conversation = begin(setup, admission, charges)
  await conversation.ready()
  return conversation.charge('fallback')
}

/** One request without `ready()`: it spends leases in memory, or uses fallback quotas. */
export function chargeNow(
  setup: AdmissionSetup,
  admission: Admission,
  charges: readonly Charge[],
  onStoreFailure: StoreFailurePolicy = 'fallback'
): ChargeResult {
  return begin(setup, admission, charges).charge(onStoreFailure)
}

/** How many of them may pass. */
export const passed = (results: readonly ChargeResult[]) => results.filter(({ ok }) => ok).length

function since(count: number, seen: { calls: number; commands: number }, what: 'calls' | 'commands'): number {
  const before = seen[what]
  seen[what] = count
  return count - before
}

function gated(redis: Redis, gate: { mode: Gate }, count: () => void): Redis {
  const pipeline = () => {
    const real = redis.pipeline()
    const exec = real.exec.bind(real)
    real.exec = (async (options: { keepErrors: true }) => {
      count()
      if (gate.mode === 'hang') return new Promise(() => {})
      if (gate.mode === 'fail') throw new TypeError('fetch failed')
      const { mode } = gate
      const replies = await exec(options)
      if (mode === 'lose') throw new DOMException('too late', 'TimeoutError')
      return mode === 'garble-first' ? [{ result: ['nonsense'] }, ...(replies as unknown[]).slice(1)] : replies
    }) as typeof real.exec
    return real
  }
  return { pipeline } as unknown as Redis
}
