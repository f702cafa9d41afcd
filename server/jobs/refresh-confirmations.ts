/** Confirms refresh tokens by the access tokens that came with them: noted in memory, written in batches. */

import type { Database } from '../../db/client.ts'
import { confirmRefreshTokens, type SeenToken } from '../../db/queries/sessions.ts'
import { createBoundedMap } from '../../edge/contract/bounded-map.ts'
import type { AccessClaims } from '../../edge/contract/claims.ts'

/** Sessions whose last counter is remembered, so that it is written once: about 2 MB. */
const REMEMBERED_SESSIONS = 20_000
/** Confirmations in one statement. */
const BATCH = 500
/** Sessions that may wait for the database. Beyond, the oldest is forgotten: its next request notes it again. */
const MAX_WAITING = 20_000

export interface RefreshConfirmations {
  /** Notes an access token that was let in. Costs one look-up where its counter is known. */
  note(claims: Pick<AccessClaims, 'sid' | 'rot'>): void
  /** Writes what was noted so far. What the database did not take is kept for the next time. */
  write(): Promise<void>
}

/** Losing these notes costs nothing but time: the next access token or refresh of the session confirms as well. */
export function createRefreshConfirmations(database: Database): RefreshConfirmations {
  const noted = createBoundedMap<string, number>(REMEMBERED_SESSIONS)
  const waiting = new Map<string, SeenToken>()

  return {
    note({ sid, rot }) {
      // The first token of a session has no predecessor that could still be good.
      if (rot === 0 || (noted.get(sid) ?? 0) >= rot) return
      noted.set(sid, rot)
      waiting.set(sid, { sessionId: sid, counter: rot })
      if (waiting.size <= MAX_WAITING) return
      const [oldest = sid] = waiting.keys()
      waiting.delete(oldest)
      noted.delete(oldest)
    },
    async write() {
      const due = [...waiting.values()]
      for (let i = 0; i < due.length; i += BATCH) {
        const batch = due.slice(i, i + BATCH)
        await database.run(db => confirmRefreshTokens(db, batch))
        for (const seen of batch) if (waiting.get(seen.sessionId) === seen) waiting.delete(seen.sessionId)
      }
    }
  }
}
