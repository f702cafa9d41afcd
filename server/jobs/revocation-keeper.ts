/** Keeps the revocation set in Redis complete: rebuilds it after Redis lost it, publishes ends that are unpublished. */

import type { Database } from '../../db/client.ts'
import { findSessionsEndedSince, findUnpublishedEnds, markEndsPublished } from '../../db/queries/session-ends.ts'
import { findKeysRemovedSince, findUnpublishedRemovals, markRemovalsPublished } from '../../db/queries/signing-keys.ts'
import { removedKeyEntry } from '../../edge/contract/redis-keys.ts'
import type { RevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { createId } from '../lib/crypto/ids.ts'

/** The ports of the keeper, and how far back it reads. */
export interface RevocationKeeperOptions {
  readonly database: Database
  readonly feed: RevocationFeed
  /** How long an ended session or a removed key matters: the life of an access token and a margin. */
  readonly retentionMs: number
  readonly nowMs: () => number
  readonly log: { info(fields: object, message: string): void }
}

/** Ended sessions that one round publishes. */
const BATCH = 500

/** Creates one round of the keeper. */
export function createRevocationKeeper(options: RevocationKeeperOptions): () => Promise<void> {
  return async () => {
    if ((await options.feed.epoch()) === undefined) await rebuild(options)
    await publishRemovals(options)
    await publishEnds(options)
  }
}

/** No edge uses the set before it is complete. */
async function rebuild({ database, feed, retentionMs, nowMs, log }: RevocationKeeperOptions): Promise<void> {
  const counts = { sessions: 0, keys: 0 }
  await feed.rebuild(createId(nowMs()), async () => {
    const since = new Date(nowMs() - retentionMs)
    const kids = await database.run(db => findKeysRemovedSince(db, since))
    const sids = await database.run(db => findSessionsEndedSince(db, since))
    counts.sessions = sids.length
    counts.keys = kids.length
    return [...kids.map(removedKeyEntry), ...sids]
  })
  log.info(counts, 'the revocation set was rebuilt')
}

async function publishRemovals({ database, feed, log }: RevocationKeeperOptions): Promise<void> {
  const kids = await database.run(findUnpublishedRemovals)
  if (kids.length === 0) return
  await feed.publish(kids.map(removedKeyEntry))
  await database.run(db => markRemovalsPublished(db, kids))
  log.info({ keys: kids.length }, 'removed keys were published')
}

async function publishEnds({ database, feed }: RevocationKeeperOptions): Promise<void> {
  const sids = await database.run(db => findUnpublishedEnds(db, BATCH))
  if (sids.length === 0) return
  await feed.publish(sids)
  await database.run(db => markEndsPublished(db, sids))
}
