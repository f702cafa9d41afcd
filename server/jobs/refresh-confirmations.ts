/** Confirms refresh tokens by the access tokens that came with them: noted in memory, written in batches. */

import type { Database } from '../../db/client.ts'
import { confirmRefreshTokens, findOwnedSession, type OwnedSession, type SeenToken } from '../../db/queries/sessions.ts'
import { createBoundedMap } from '../../edge/contract/bounded-map.ts'
import type { AccessClaims } from '../../edge/contract/claims.ts'
import { MAX_TRIP_MS } from '../features/sessions/refresh-rule.ts'
import type { Client } from '../lib/client.ts'

/** Sights that are remembered, so that each is written once: about 3 MB. */
const REMEMBERED_SIGHTS = 20_000
/** Confirmations in one statement. */
const BATCH = 500
/** Sights that may wait for the database. Beyond, the oldest is forgotten: its next request notes it again. */
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
  readonly key: string
  readonly client: Client
}

/** Losing these notes costs nothing but time: the next access token or refresh of the session confirms as well. */
export function createRefreshConfirmations(options: RefreshConfirmationsOptions): RefreshConfirmations {
  const { database } = options
  // By session and counter: of two access tokens with one counter the older one may be a thief's.
  const noted = createBoundedMap<string, number>(REMEMBERED_SIGHTS)
  const waiting = new Map<string, Sight>()

  return {
    note({ sid, rot, iat }, request) {
      // The first token of a session has no predecessor that could still be good.
      if (rot === 0) return
      const key = `${sid}.${rot}`
      if ((noted.get(key) ?? Number.POSITIVE_INFINITY) <= iat) return
      noted.set(key, iat)
      waiting.set(key, { key, sessionId: sid, counter: rot, issuedAt: new Date(iat * 1000), client: request.client })
      if (waiting.size <= MAX_WAITING) return
      const [oldest = key] = waiting.keys()
      waiting.delete(oldest)
      noted.delete(oldest)
    },
    async write() {
      const due = [...waiting.values()]
      let failure: unknown
      for (let i = 0; i < due.length; i += BATCH) {
        const batch = due.slice(i, i + BATCH)
        const stolen = new Set(await database.run(db => confirmRefreshTokens(db, batch, MAX_TRIP_MS)))
        for (const seen of batch) {
          try {
            if (stolen.delete(seen.sessionId)) await endStolen(options, seen)
            if (waiting.get(seen.key) === seen) waiting.delete(seen.key)
          } catch (error) {
            // It is kept for the next time, and holds up no other session.
            failure ??= error
          }
        }
      }
      if (failure !== undefined) throw failure
    }
  }
}

async function endStolen({ database, endStolen }: RefreshConfirmationsOptions, seen: Sight): Promise<void> {
  const owned = await database.run(db => findOwnedSession(db, seen.sessionId))
  if (owned) await endStolen(owned, seen.client)
}
