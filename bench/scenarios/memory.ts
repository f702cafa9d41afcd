/** The memory of an edge, of an origin and of Redis after many client addresses. */

import { REVOCATION_KEY } from '../../edge/contract/redis-keys.ts'
import { edgeBindings } from '../lib/edges.ts'
import { type Engines, openEngines } from '../lib/engines.ts'
import { sumErrors } from '../lib/errors.ts'
import { type Loaded, load } from '../lib/load.ts'
import { openOriginProcess, PUBLIC_URL } from '../lib/origin-process.ts'
import { residentMibOf } from '../lib/process-usage.ts'
import { rawRequest } from '../lib/raw-request.ts'
import type { Measured, Scenario, Scope } from '../lib/scenario.ts'
import { openWorker } from '../lib/worker.ts'

const CONNECTIONS = 100
/** More than an edge or an origin remembers, so that every bounded memory is full before counting begins. */
const WARM_ADDRESSES = 15_000
const ADDRESSES = { full: 30_000, soak: 1_000_000 }
const SLICE_SECONDS = 5
/** Ends the load even on a very slow machine. */
const MAX_SLICES = 1_000

/** Measures the growth over many addresses. */
export const memory: Scenario = {
  name: 'memory',
  title: 'Memory, over many client addresses',
  about:
    'Every request comes from another IPv6 /64, through an edge in workerd to the origin. The first ' +
    `${WARM_ADDRESSES.toLocaleString('en-GB')} addresses fill every bounded memory. Then come ` +
    `${ADDRESSES.full.toLocaleString('en-GB')} more, or ${ADDRESSES.soak.toLocaleString('en-GB')} with --soak, which takes a ` +
    'quarter of an hour on two cores, because each new address needs a Redis call. The bar is the same for both: a normal run ' +
    'detects a leak of two kilobytes per address, and --soak one of 64 bytes. Afterwards every key in Redis is checked for a ' +
    'time to live; only the epoch of the revocation set may lack one.',
  metrics: {
    'edge grew': {
      unit: 'MiB',
      better: 'lower',
      means: 'Resident memory of workerd after the addresses, minus that before'
    },
    'origin grew': {
      unit: 'MiB',
      better: 'lower',
      means: 'Resident memory of the origin after the addresses, minus that before'
    },
    'edge after': { unit: 'MiB', better: 'lower', means: 'Resident memory of workerd after the addresses' },
    'origin after': { unit: 'MiB', better: 'lower', means: 'Resident memory of the origin after the addresses' },
    addresses: { unit: '', better: 'higher', means: 'Addresses counted' },
    throughput: { unit: '/s', better: 'higher', means: 'New addresses a second' },
    'redis keys': { unit: '', better: 'lower', means: 'Keys in Redis at the end' },
    'lasting keys': { unit: '', better: 'lower', means: 'Keys without a time to live, except the epoch' }
  },
  rounds: { full: 1, quick: 1 },
  seconds: { full: 32, quick: 32 },
  fullOnly: true,
  async open(scope) {
    const engines = await openEngines(scope)
    return [{ name: 'edge and origin', round: inner => measure(engines, inner) }]
  }
}

async function measure(engines: Engines, scope: Scope): Promise<Measured> {
  const origin = await openOriginProcess(engines, scope, { REQUIRE_EDGE: 'true' })
  const bindings = edgeBindings({ ...engines, originUrl: origin.url, publicUrl: PUBLIC_URL })
  const edge = await openWorker({ bindings }, scope)
  const resident = () => ({ edge: residentMibOf(edge.pid), origin: residentMibOf(origin.pid) })
  const next = newAddresses()

  const warm = await send(WARM_ADDRESSES, edge.url, next)
  const before = resident()
  const counted = await send(scope.soak ? ADDRESSES.soak : ADDRESSES.full, edge.url, next)
  const after = resident()
  const keys = await engines.redisKeys()
  const answers = counted.reduce((sum, { count }) => sum + count, 0)
  return {
    metrics: {
      'edge grew': after.edge - before.edge,
      'origin grew': after.origin - before.origin,
      'edge after': after.edge,
      'origin after': after.origin,
      addresses: answers,
      throughput: answers / counted.reduce((sum, { count, perSecond }) => sum + count / perSecond, 0),
      'redis keys': keys.count,
      'lasting keys': keys.lasting.filter(key => key !== REVOCATION_KEY).length
    },
    ...sumErrors([...warm, ...counted])
  }
}

/** Sends until `addresses` are answered, in slices: the load generator then keeps the latencies of one slice only. */
async function send(addresses: number, url: string, next: () => Buffer): Promise<Loaded[]> {
  const loads: Loaded[] = []
  let answered = 0
  for (let slice = 0; slice < MAX_SLICES && answered < addresses; slice++) {
    const perSecond = loads.at(-1)?.perSecond ?? Number.POSITIVE_INFINITY
    const seconds = Math.min(SLICE_SECONDS, Math.max(1, (addresses - answered) / perSecond))
    const loaded = await load({ url, connections: CONNECTIONS, warmSeconds: 0, seconds, next })
    loads.push(loaded)
    answered += loaded.count
  }
  if (answered < addresses) throw new Error(`only ${answered} of ${addresses} addresses were answered`)
  return loads
}

/** The cheapest request, each from another /64. */
function newAddresses(): () => Buffer {
  let last = 0
  return () => {
    last++
    const network = `${(last >>> 16).toString(16)}:${(last & 0xffff).toString(16)}`
    return rawRequest({ path: '/health/live', headers: { 'cf-connecting-ip': `2001:db8:${network}::1` } })
  }
}
