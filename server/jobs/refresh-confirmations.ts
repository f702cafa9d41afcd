/** Confirms refresh tokens by the use of their access tokens: noted in memory, written in batches. */

import type { Database } from '../../db/client.ts'
import { confirmRefreshTokens, findOwnedSession, type OwnedSession, type SeenToken } from '../../db/queries/sessions.ts'
import { createBoundedMap } from '../../edge/contract/bounded-map.ts'
import type { AccessClaims } from '../../edge/contract/claims.ts'
import { MAX_ANSWER_DELAY_MS } from '../features/sessions/refresh-rule.ts'
import type { Client } from '../lib/client.ts'

/** Uses that are remembered, so that each is written once: about 3 MB. */
const REMEMBERED_USES = 20_000
/** Confirmations in one statement. */
const BATCH = 500
/** Uses that may wait for the database. Beyond it the oldest is forgotten, and its next request notes it again. */
const MAX_WAITING = 20_000

/** The database, and the answer to a stolen token. */
export interface RefreshConfirmationsOptions {
  readonly database: Database
  /** Ends a session with stolen tokens; `client` used the stolen one. */
  readonly endStolen: (owned: OwnedSession, client: Client) => Promise<void>
}

/** The uses of access tokens on their way to the database. */
export interface RefreshConfirmations {
  /** Notes the use of an admitted access token. A use that is already known costs one look-up. */
  note(claims: Pick<AccessClaims, 'sid' | 'rot' | 'iat'>, request: { readonly client: Client }): void
  /** Writes the noted uses. Those that the database could not take are kept for the next run. */
  write(): Promise<void>
}

interface Use extends SeenToken {
  readonly key: string
  readonly client: Client
}

/** Creates the confirmations. Losing them is harmless: the next access token or refresh of the session confirms as well. */
export function createRefreshConfirmations(options: RefreshConfirmationsOptions): RefreshConfirmations {
  const { database } = options
  // By session and counter: of two access tokens with one counter, the older one may be stolen.
  const noted = createBoundedMap<string, number>(REMEMBERED_USES)
  const waiting = new Map<string, Use>()

  return {
    note({ sid, rot, iat }, request) {
      // The first token of a session has no predecessor that could still be valid.
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
        const stolen = new Set(await database.run(db => confirmRefreshTokens(db, batch, MAX_ANSWER_DELAY_MS)))
        for (const use of batch) {
          try {
            if (stolen.delete(use.sessionId)) await endStolen(options, use)
            if (waiting.get(use.key) === use) waiting.delete(use.key)
          } catch (error) {
            // This use is kept for the next run, and delays no other session.
            failure ??= error
          }
        }
      }
      if (failure !== undefined) throw failure
    }
  }
}

async function endStolen({ database, endStolen }: RefreshConfirmationsOptions, use: Use): Promise<void> {
  const owned = await database.run(db => findOwnedSession(db, use.sessionId))
  if (owned) await endStolen(owned, use.client)
}
