/** The scripts' pinned names: Redis knows a script by its SHA-1, and a wrong one would send the source each time. */

import { createHash } from 'node:crypto'
import t from 'tap'
import { slicedWindowScript } from '../../edge/limiter/script.ts'
import { completeScript, publishScript, readScript } from '../../edge/revocation/script.ts'
import { loginGuardScript } from '../../server/guard/script.ts'
import { redisBackends } from '../lib/redis-backends.ts'

const SCRIPTS = { slicedWindowScript, completeScript, publishScript, readScript, loginGuardScript }

t.test('every pinned SHA-1 is that of its source', async t => {
  for (const [name, { source, sha1 }] of Object.entries(SCRIPTS)) {
    t.equal(createHash('sha1').update(source).digest('hex'), sha1, name)
  }
})

for (const lane of redisBackends()) {
  t.test(`${lane.name} loads every script under its pinned SHA-1`, { skip: lane.skip }, async t => {
    const { backend } = await lane.open(t)
    for (const [name, { source, sha1 }] of Object.entries(SCRIPTS)) {
      t.equal(await backend.execute(['SCRIPT', 'LOAD', source]), sha1, name)
    }
  })
}
