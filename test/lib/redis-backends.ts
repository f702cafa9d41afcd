/** The Redis backends that a suite runs on: the engine always, a real Redis where `TEST_REDIS_URL` names one. */
import { randomUUID } from 'node:crypto'
import {
  openEngineBackend,
  openRedisBackend,
  openRedisRest,
  type RedisBackend,
  type RedisRest
} from '../../local/redis-rest.ts'

/** What a lane needs of a tap test. */
export interface Teardown {
  teardown(undo: () => unknown): void
}

/** One backend for one test: everything it writes must begin with `prefix`. */
export interface LaneBackend {
  readonly backend: RedisBackend
  readonly prefix: string
}

/** A lane: pass `skip` to `t.test()`, then open it inside. */
export interface RedisLane {
  readonly name: 'engine' | 'redis'
  /** Why the lane cannot run here, or false. */
  readonly skip: string | false
  open(t: Teardown): Promise<LaneBackend>
}

/** The lanes, the engine first. Each `open()` cleans up after its test: a shared Redis keeps no key with the prefix. */
export function redisBackends(): readonly RedisLane[] {
  const url = process.env.TEST_REDIS_URL
  return [
    { name: 'engine', skip: false, open: t => lend(t, openEngineBackend()) },
    { name: 'redis', skip: url ? false : 'TEST_REDIS_URL is not set', open: t => lend(t, openRedisBackend(url ?? '')) }
  ]
}

/** Opens the REST gateway over a lane. */
export async function openLaneRest(t: Teardown, lane: RedisLane): Promise<RedisRest & LaneBackend> {
  const lent = await lane.open(t)
  const rest = await openRedisRest({ backend: lent.backend, token: randomUUID() })
  t.teardown(rest.close)
  return { ...rest, ...lent }
}

async function lend(t: Teardown, opening: Promise<RedisBackend>): Promise<LaneBackend> {
  const backend = await opening
  const prefix = `gatehouse-test:${randomUUID()}:`
  t.teardown(async () => {
    await deleteAll(backend, prefix)
    await backend.close()
  })
  return { backend, prefix }
}

async function deleteAll(backend: RedisBackend, prefix: string): Promise<void> {
  let cursor = '0'
  do {
    const reply = await backend.execute(['SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', '1000'])
    if (!Array.isArray(reply)) return
    cursor = String(reply[0])
    const keys = reply[1] as string[]
    if (keys.length > 0) await backend.execute(['DEL', ...keys])
  } while (cursor !== '0')
}
