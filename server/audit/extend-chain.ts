/** Extends the hash chain over the audit log in batches, after the events were committed. No writer waits for it. */

import type { Database, Queryable } from '../../db/client.ts'
import {
  type ChainLink,
  findNewestLink,
  findNewestLinkedAt,
  findUnlinkedEvents,
  insertLinks
} from '../../db/queries/audit-chain.ts'
import { tryLock } from '../../db/queries/locks.ts'
import { type ChainedEvent, FIRST_PREVIOUS_HASH, linkHash } from './link-hash.ts'

/** The database of the log, and the log of the process. */
export interface ExtendChainOptions {
  readonly database: Database
  readonly nowMs: () => number
  readonly log: { info(fields: object, message: string): void }
}

/**
 * How far behind the youngest linked event a far round looks for events that were committed late. An event that is
 * committed even later gets no link, and the verification of the chain reports it.
 */
export const CHAIN_REACH_MS = 3_600_000
/** How far most rounds look. It exceeds the longest transaction and the difference of two clocks. */
const NEAR_REACH_MS = 15_000
/** The time between two far rounds. */
const FAR_EVERY_MS = 300_000
/** Events that one transaction links. */
const BATCH = 500

/**
 * Creates one round. Only one instance links at a time; the others find the lock taken and do nothing.
 *
 * @returns a function that links at most one batch and resolves to the number of events
 */
export function createExtendChain({ database, nowMs, log }: ExtendChainOptions): () => Promise<number> {
  let farDueMs = Number.NEGATIVE_INFINITY
  let anchored: number | undefined

  function logAnchor({ position, hash }: ChainLink): void {
    if (position === anchored) return
    anchored = position
    log.info({ position, hash: Buffer.from(hash).toString('hex') }, 'audit chain anchor')
  }

  return async () => {
    const startedMs = nowMs()
    const isFar = startedMs >= farDueMs
    const { links, newest } = await database.transaction(db =>
      linkBatch(db, startedMs, isFar ? CHAIN_REACH_MS : NEAR_REACH_MS)
    )
    if (isFar && links.length < BATCH) {
      farDueMs = startedMs + FAR_EVERY_MS
      // Security: the owner of the database can cut the tail off chain and events together. The log keeps these hashes.
      if (newest) logAnchor(newest)
    }
    return links.length
  }
}

interface LinkedBatch {
  readonly links: readonly ChainLink[]
  /** The link at the end of the chain now. */
  readonly newest: ChainLink | undefined
}

async function linkBatch(db: Queryable, startedMs: number, reachMs: number): Promise<LinkedBatch> {
  if (!(await tryLock(db, 'audit-chain'))) return { links: [], newest: undefined }
  const newest = await findNewestLink(db)
  const since = searchFrom(await findNewestLinkedAt(db), startedMs, reachMs)
  const links = chain(newest, await findUnlinkedEvents(db, since, BATCH))
  if (links.length > 0) await insertLinks(db, links)
  return { links, newest: links.at(-1) ?? newest }
}

/**
 * The time from which unlinked events are searched: `reachMs` before the youngest linked event.
 *
 * Counted from now, events would be lost while no instance runs. A wrong clock may have put an event into the future, so
 * the search never starts later than `reachMs` before now.
 */
function searchFrom(newestLinkedAt: Date | undefined, nowMs: number, reachMs: number): Date {
  if (newestLinkedAt === undefined) return new Date(0)
  return new Date(Math.min(newestLinkedAt.getTime(), nowMs) - reachMs)
}

function chain(newest: ChainLink | undefined, events: readonly ChainedEvent[]): ChainLink[] {
  let previous: Pick<ChainLink, 'position' | 'hash'> = newest ?? { position: 0, hash: FIRST_PREVIOUS_HASH }
  return events.map(event => {
    const position = previous.position + 1
    const link = { position, eventId: event.id, eventAt: event.at, hash: linkHash(previous.hash, event) }
    previous = link
    return link
  })
}
