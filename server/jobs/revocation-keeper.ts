/** Keeps Redis telling the truth about ended sessions: rebuilds the set where it was lost, delivers what was not told. */

import type { Database } from '../../db/client.ts'
import { findSessionsEndedSince, findUnpublishedEnds, markEndsPublished } from '../../db/queries/session-ends.ts'
import type { RevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createId } from '../lib/ids.ts'

export interface RevocationKeeperOptions {
  readonly database: Database
  readonly feed: RevocationFeed
  /** How long an ended session matters: the life of an access token and a margin. */
  readonly retentionMs: number
  readonly nowMs: () => number
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void }
}

export interface RevocationKeeper {
  /** Whether this process has ended a session of which the edges could not be told yet. */
  isUndelivered(sid: string): boolean
  /** Tells the edges that sessions have ended. False where they could not be told: `tend` will do it. */
  announce(sids: readonly string[]): Promise<boolean>
  /** One round of the job. */
  tend(): Promise<void>
}

/** Ids that one call to Redis carries. */
const BATCH = 500

export function createRevocationKeeper(options: RevocationKeeperOptions): RevocationKeeper {
  const { database, feed, nowMs, log } = options
  // Redis cannot say of these that they have ended, and this process need not ask.
  const undelivered = new Set<string>()

  async function publish(sids: readonly string[]): Promise<void> {
    for (let i = 0; i < sids.length; i += BATCH) await feed.publish(sids.slice(i, i + BATCH))
  }

  /** The epoch comes last: until it is there no edge believes that the set is whole. */
  async function rebuild(): Promise<void> {
    const sids = await database.run(db => findSessionsEndedSince(db, new Date(nowMs() - options.retentionMs)))
    await publish(sids)
    await feed.open(createId(nowMs()))
    log.info({ sessions: sids.length }, 'the revocation set was rebuilt')
  }

  async function deliver(): Promise<void> {
    const sids = await database.run(db => findUnpublishedEnds(db, BATCH))
    if (sids.length === 0) return
    await publish(sids)
    for (const sid of sids) undelivered.delete(sid)
    await database.run(db => markEndsPublished(db, sids))
  }

  return {
    isUndelivered: sid => undelivered.has(sid),
    async announce(sids) {
      for (const sid of sids) undelivered.add(sid)
      try {
        await feed.publish(sids)
        for (const sid of sids) undelivered.delete(sid)
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
      await deliver()
    }
  }
}
