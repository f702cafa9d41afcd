/** Publishes sessions that ended in this process. What stays unpublished is left to the revocation keeper. */

import type { Database } from '../db/client.ts'
import { markEndsPublished } from '../db/queries/session-ends.ts'
import type { RevocationFeed } from '../edge/revocation/revocation-feed.ts'
import type { RevocationView } from '../edge/revocation/revocation-view.ts'
import type { PublishEnds } from './lib/publish-ends.ts'

/** The view of this process, and the ways to Redis and the database. */
export interface PublishEndsOptions {
  readonly view: Pick<RevocationView, 'end'>
  readonly feed: Pick<RevocationFeed, 'publish'>
  readonly database: Database
  readonly nowMs: () => number
  readonly log: { warn(fields: object, message: string): void }
}

/** Creates the port by which rules publish the sessions that they ended. */
export function createPublishEnds({ view, feed, database, nowMs, log }: PublishEndsOptions): PublishEnds {
  return async sids => {
    // This process refuses the sessions at once, even where their end cannot be published.
    view.end(sids, nowMs())
    try {
      await feed.publish(sids)
    } catch (error) {
      log.warn({ reason: String(error), sessions: sids.length }, 'ended sessions could not be published yet')
      return false
    }
    // Where only this note fails, the keeper publishes the same ends once more, which does no harm.
    await database
      .run(db => markEndsPublished(db, sids))
      .catch(error => {
        log.warn({ reason: String(error) }, 'ended sessions were published but could not be marked so')
      })
    return true
  }
}
