/** The refresh rule and its SQL twin agree over whole lives of a session, with thefts. */

import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import postgres from 'postgres'
import t from 'tap'
import { type Database, openDatabase } from '../../db/client.ts'
import { endSession } from '../../db/queries/session-ends.ts'
import { confirmRefreshTokens, findOwnedSession, presentRefreshToken } from '../../db/queries/sessions.ts'
import { judgeRefresh, MAX_ANSWER_DELAY_MS, MIN_REMAINING_MS } from '../../server/features/sessions/refresh-rule.ts'
import { lanes } from '../lib/lanes.ts'
import { GRACE_MS, lifeWithThief, type RefreshServer, RefreshWorld, ruleServer } from '../lib/refresh-world.ts'
import { migratedDatabase } from '../lib/test-engines.ts'

/** Ahead of the real clock: the statement reads that as well, and takes the later one. */
const START_MS = Date.now() + 86_400_000
const END = new Date(START_MS + 3650 * 86_400_000)
/** For a longer run: `REFRESH_LIVES=10000`. */
const LIVES = Number(process.env.REFRESH_LIVES ?? 150)

t.setTimeout(3_600_000)

for (const lane of lanes()) {
  t.test(`the statement decides as the rule does (${lane.name})`, { skip: lane.skip, timeout: 3_600_000 }, async t => {
    const databaseUrl = await migratedDatabase(t, lane)
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
    const database = openDatabase({ url: databaseUrl })
    t.teardown(() => Promise.all([sql.end(), database.close()]))
    const now = new Date(START_MS)
    const userId = randomUUID()
    await sql`insert into users ${sql({
      id: userId,
      email: 'ada@example.com',
      name: 'Ada',
      password_hash: 'x',
      email_verified: true,
      sealed_audit_key: Buffer.alloc(1),
      created_at: now,
      updated_at: now
    })}`
    const newSession = async () => {
      const id = randomUUID()
      await sql`insert into sessions ${sql({
        id,
        user_id: userId,
        remembered: true,
        ip_address: '192.0.2.1',
        user_agent: '',
        created_at: now,
        last_used_at: now,
        idle_expires_at: END,
        expires_at: END
      })}`
      return id
    }

    await fc.assert(
      fc.asyncProperty(lifeWithThief, async steps => {
        const [bySql, byRule] = [
          new RefreshWorld(sqlServer(database, await newSession()), START_MS),
          new RefreshWorld(ruleServer(START_MS), START_MS)
        ]
        await bySql.live(steps)
        await byRule.live(steps)
        t.strictSame(bySql.log, byRule.log)
      }),
      { numRuns: LIVES, seed: 20_261_125 }
    )
  })
}

/** One session in PostgreSQL as a server. A refused token is judged by the rule, as `refresh.ts` does. */
function sqlServer(database: Database, sessionId: string): RefreshServer {
  const end = (at: Date) => database.run(db => endSession(db, { id: sessionId, reason: 'refresh-reused', now: at }))
  return {
    async present(counter, nowMs) {
      const now = new Date(nowMs)
      const owned = await database.run(db =>
        presentRefreshToken(db, {
          sessionId,
          counter,
          now,
          youngSince: new Date(nowMs - GRACE_MS),
          lastsUntil: new Date(nowMs + MIN_REMAINING_MS),
          idleExpiresAt: END,
          rememberedIdleExpiresAt: END
        })
      )
      if (owned) return owned.session.refreshCounter
      const found = await database.run(db => findOwnedSession(db, sessionId))
      const outcome = found ? judgeRefresh(found.session, counter, nowMs, GRACE_MS / 1000) : 'dead'
      if (outcome !== 'reused') return 'dead'
      await end(now)
      return 'reused'
    },
    async see({ counter, issuedMs }) {
      const seen = [{ sessionId, counter, issuedAt: new Date(issuedMs) }]
      const stolen = await database.run(db => confirmRefreshTokens(db, seen, MAX_ANSWER_DELAY_MS))
      if (stolen.length > 0) await end(new Date(issuedMs))
      return stolen.length > 0
    }
  }
}
