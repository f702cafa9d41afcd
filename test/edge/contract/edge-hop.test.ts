/** The lifetime of a signed hop, to the millisecond on both sides. */

import t from 'tap'
import { HOP_MAX_AGE_MS, HOP_MAX_AHEAD_MS, isHopFresh } from '../../../edge/contract/edge-hop.ts'

const NOW_MS = 1_800_000_000_000

t.test('isHopFresh() accepts 30 s of age and 5 s ahead, and no millisecond more', async t => {
  t.strictSame([HOP_MAX_AGE_MS, HOP_MAX_AHEAD_MS], [30_000, 5_000])
  for (const timeMs of [NOW_MS, NOW_MS - 30_000, NOW_MS + 5_000]) t.ok(isHopFresh(timeMs, NOW_MS), `${timeMs}`)
  // biome-ignore format: one value a line would hide the list
  for (const timeMs of [NOW_MS - 30_001, NOW_MS + 5_001, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    t.notOk(isHopFresh(timeMs, NOW_MS), `${timeMs}`)
})
