/** Confirms refresh tokens by the access tokens that came with them: noted in memory, written in batches. */

import type { Database } from '../../db/client.ts'
import { confirmRefreshTokens, findOwnedSession, type OwnedSession, type SeenToken } from '../../db/queries/sessions.ts'
import { createBoundedMap } from '../../edge/contract/bounded-map.ts'
import type { AccessClaims } from '../../edge/contract/claims.ts'
import { MAX_TRIP_MS } from '../features/sessions/refresh-rule.ts'
import type { Client } from '../lib/client.ts'

/** Sessions whose last sight is remembered, so that it is written once: about 3 MB. */
const REMEMBERED_SESSIONS = 20_000
/** Confirmations in one statement. */
const BATCH = 500
/** Sessions that may wait for the database. Beyond, the oldest is forgotten: its next request notes it again. */
const MAX_WAITING = 20_000

export interface RefreshConfirmationsOptions {
  readonly database: Database
  /** Ends a session of which a thief holds a copy; `client` is the one that showed it. */
  readonly endStolen: (owned: OwnedSession, client: Client) => Promise<void>
}

export interface RefreshConfirmations {
  /** Notes an access token that was let in. Costs one look-up where it says nothing new. */
  note(claims: Pick<AccessClaims, 'sid' | 'rot' | 'iat'>, request: { readonly client: Client }): void
  /** Writes what was noted so far. What the database did not take is kept for the next time. */
  write(): Promise<void>
}

interface Sight extends SeenToken {
  readonly client: Client
}

/** Losing these notes costs nothing but time: the next access token or refresh of the session confirms as well. */
export function createRefreshConfirmations(options: RefreshConfirmationsOptions): RefreshConfirmations {
  const { database } = options
  const noted = createBoundedMap<string, { readonly rot: number; readonly iat: number }>(REMEMBERED_SESSIONS)
  const waiting = new Map<string, Sight>()

  async function endStolen(sessionIds: readonly string[]): Promise<void> {
    for (const id of sessionIds) {
      const owned = await database.run(db => findOwnedSession(db, id))
      const client = waiting.get(id)?.client
      if (owned && client) await options.endStolen(owned, client)
    }
  }

  return {
    note({ sid, rot, iat }, request) {
      // The first token of a session has no predecessor that could still be good.
      if (rot === 0) return
      const known = noted.get(sid)
      // Security: of two access tokens with one counter the older one may be a thief's, whichever is seen first.
      if (known !== undefined && (known.rot > rot || (known.rot === rot && known.iat <= iat))) return
      noted.set(sid, { rot, iat })
      waiting.set(sid, { sessionId: sid, counter: rot, issuedAt: new Date(iat * 1000), client: request.client })
      if (waiting.size <= MAX_WAITING) return
      const [oldest = sid] = waiting.keys()
      waiting.delete(oldest)
      noted.delete(oldest)
    },
    async write() {
      const due = [...waiting.values()]
      for (let i = 0; i < due.length; i += BATCH) {
        const batch = due.slice(i, i + BATCH)
        await endStolen(await database.run(db => confirmRefreshTokens(db, batch, MAX_TRIP_MS)))
        for (const seen of batch) if (waiting.get(seen.sessionId) === seen) waiting.delete(seen.sessionId)
      }
    }
  }
}
