/** Keeps Redis telling the truth about ended sessions and removed keys: rebuilds the set where it was lost, delivers what was not told. */

import type { Database } from '../../db/client.ts'
import { findSessionsEndedSince, findUnpublishedEnds, markEndsPublished } from '../../db/queries/session-ends.ts'
import { findKeysRemovedSince, findUnpublishedRemovals, markRemovalsPublished } from '../../db/queries/signing-keys.ts'
import { removedKeyEntry } from '../../edge/contract/redis-keys.ts'
import type { RevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createId } from '../lib/crypto/ids.ts'

export interface RevocationKeeperOptions {
  readonly database: Database
  readonly feed: RevocationFeed
  /** How long an ended session or a removed key matters: the life of an access token and a margin. */
  readonly retentionMs: number
  readonly nowMs: () => number
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void }
}

export interface RevocationKeeper {
  /** Tells the edges that sessions have ended. False where they could not be told: `tend` will do it. */
  announce(sids: readonly string[]): Promise<boolean>
  /** One round of the job. */
  tend(): Promise<void>
}

/** Ended sessions that one round delivers. */
const BATCH = 500

// Over 40 lines: these closures share the options.
export function createRevocationKeeper(options: RevocationKeeperOptions): RevocationKeeper {
  const { database, feed, nowMs, log } = options

  /** Until the feed is whole no edge believes it. */
  async function rebuild(): Promise<void> {
    let [sessions, keys] = [0, 0]
    await feed.rebuild(createId(nowMs()), async () => {
      const since = new Date(nowMs() - options.retentionMs)
      const kids = await database.run(db => findKeysRemovedSince(db, since))
      const sids = await database.run(db => findSessionsEndedSince(db, since))
      ;[sessions, keys] = [sids.length, kids.length]
      return [...kids.map(removedKeyEntry), ...sids]
    })
    log.info({ sessions, keys }, 'the revocation set was rebuilt')
  }

  async function deliverRemovals(): Promise<void> {
    const kids = await database.run(findUnpublishedRemovals)
    if (kids.length === 0) return
    await feed.publish(kids.map(removedKeyEntry))
    await database.run(db => markRemovalsPublished(db, kids))
    log.info({ keys: kids.length }, 'the edges were told of removed keys')
  }

  async function deliverEnds(): Promise<void> {
    const sids = await database.run(db => findUnpublishedEnds(db, BATCH))
    if (sids.length === 0) return
    await feed.publish(sids)
    await database.run(db => markEndsPublished(db, sids))
  }

  return {
    async announce(sids) {
      try {
        await feed.publish(sids)
      } catch (error) {
        log.warn({ reason: String(error), sessions: sids.length }, 'the edges could not be told yet')
        return false
      }
      // Where only the note fails, the job tells the edges once more, which does no harm.
      await database
        .run(db => markEndsPublished(db, sids))
        .catch(error => {
          log.warn({ reason: String(error) }, 'a delivered revocation could not be noted')
        })
      return true
    },
    async tend() {
      if ((await feed.epoch()) === undefined) await rebuild()
      await deliverRemovals()
      await deliverEnds()
    }
  }
}
