/** Four edges in workerd share one quota: they never admit more, and rarely call Redis. */

import t, { type Test } from 'tap'
import { type Edge, openSurroundings, WORKERD } from '../edge/lib/edge-places.ts'

const EDGES = 4
const IN_FLIGHT_EACH = 50

/** An admitted request: the edge admitted it between these two moments. */
interface Admitted {
  readonly sentMs: number
  readonly answeredMs: number
}

async function openEdges(t: Test, quota: string) {
  const { bindings, redis } = await openSurroundings(t)
  const open = () => WORKERD.open(t, { ...bindings, EDGE_QUOTA_ADDRESS: quota })
  const edges = await Promise.all(Array.from({ length: EDGES }, open))
  // Warms each isolate without charging the measured client.
  await Promise.all(edges.map(edge => edge.send('/', { headers: { 'cf-connecting-ip': '192.0.2.99' } })))
  return { edges, calls: redis.calls }
}

/** One request of the measured client; `undefined` if it was refused. */
async function ask(edge: Edge): Promise<Admitted | undefined> {
  const sentMs = Date.now()
  const response = await edge.send('/', { headers: { 'cf-connecting-ip': '192.0.2.1' } })
  await response.body?.cancel()
  if (response.status === 429) return undefined
  // A fault of another part, such as a slow Redis or origin. The edge's answer names it.
  if (response.status !== 200) throw new Error(`the edge answered ${response.status}: ${edge.log.join('\n')}`)
  return { sentMs, answeredMs: Date.now() }
}

/** The most requests that were certainly admitted in any one window. */
function mostInAnyWindow(admitted: readonly Admitted[], windowMs: number): number {
  const byStart = [...admitted].sort((a, b) => a.sentMs - b.sentMs)
  return Math.max(
    0,
    ...byStart.map((first, i) => {
      const endMs = first.sentMs + windowMs
      return byStart.slice(i).filter(({ sentMs, answeredMs }) => sentMs >= first.sentMs && answeredMs < endMs).length
    })
  )
}

t.test('bursts at the borders of slices never exceed the quota in any window', async t => {
  const [quota, windowMs] = [150, 2_000]
  const sliceMs = Math.floor(windowMs / 120)
  const { edges } = await openEdges(t, `${quota}/${windowMs / 1000}`)
  const admitted: Admitted[] = []
  let refused = 0
  const untilMs = Date.now() + 2.5 * windowMs

  // All clients at once, repeatedly, in the last or the first millisecond of a slice.
  const attack = async (edge: Edge, index: number) => {
    while (Date.now() < untilMs) {
      while ((Date.now() % sliceMs) - (index % 2 === 0 ? sliceMs - 1 : 0) !== 0) await new Promise(setImmediate)
      const result = await ask(edge)
      if (result === undefined) refused++
      else admitted.push(result)
    }
  }
  await Promise.all(edges.flatMap(edge => Array.from({ length: IN_FLIGHT_EACH }, (_, i) => attack(edge, i))))

  const most = mostInAnyWindow(admitted, windowMs)
  t.ok(most <= quota, `${most} of ${quota} in the worst window`)
  t.ok(refused > quota, `${refused} were refused`)
  // At most two thirds of the quota are lost, because leases last 0.4 s of these 2.
  t.ok(admitted.length > 1.2 * quota, `${admitted.length} were admitted in two and a half windows`)
})

t.test('a quota of 600 a minute costs at most one Redis call for ten requests', async t => {
  const quota = 600
  const { edges, calls } = await openEdges(t, `${quota}/60`)
  const before = calls()
  let [admitted, refused] = [0, 0]
  const insist = async (edge: Edge) => {
    while (refused < 10 * quota) {
      if (await ask(edge)) admitted++
      else refused++
    }
  }
  await Promise.all(edges.flatMap(edge => Array.from({ length: IN_FLIGHT_EACH }, () => insist(edge))))
  t.ok(admitted <= quota, `${admitted} were admitted`)
  t.ok(admitted >= 0.98 * quota, 'and hardly one too few')
  t.ok((calls() - before) / admitted <= 0.1, `${calls() - before} calls, also for ${refused} that were refused`)
})
