/** Seals audit events into the hash chain in batches, after they were committed: nothing that writes one waits for it. */

import type { Database, Queryable } from '../../db/client.ts'
import {
  type ChainLink,
  findNewestLink,
  findNewestSealedAt,
  findUnsealedEvents,
  insertLinks
} from '../../db/queries/audit-chain.ts'
import { tryLock } from '../../db/queries/locks.ts'
import { type ChainedEvent, FIRST_PREVIOUS_HASH, linkHash, SEAL_REACH_MS } from './audit-chain.ts'

export interface AuditSealerOptions {
  readonly database: Database
  readonly nowMs: () => number
  readonly log: { info(fields: object, message: string): void }
}

/** Events sealed by one transaction. */
const BATCH = 500
/** How far behind the youngest sealed event most rounds look: more than a transaction can take, and clocks can differ. */
const NEAR_MS = 15_000
/** Between two rounds that look as far as events are sealed at all. */
const FAR_EVERY_MS = 300_000

/**
 * Creates one round of sealing, for one instance at a time: others find the lock taken and do nothing.
 *
 * @returns a function that seals at most one batch and resolves to how many events it has sealed
 */
export function createAuditSealer({ database, nowMs, log }: AuditSealerOptions): () => Promise<number> {
  let farDueMs = Number.NEGATIVE_INFINITY
  let anchored: number | undefined

  function tellAnchor({ position, hash }: ChainLink): void {
    if (position === anchored) return
    anchored = position
    log.info({ position, hash: Buffer.from(hash).toString('hex') }, 'audit chain anchor')
  }

  return async () => {
    const startedMs = nowMs()
    const isFar = startedMs >= farDueMs
    const sealed = await database.transaction(db => sealBatch(db, startedMs, isFar ? SEAL_REACH_MS : NEAR_MS))
    if (isFar && sealed.links.length < BATCH) {
      farDueMs = startedMs + FAR_EVERY_MS
      // Security: who owns the database can cut the tail off chain and log together. The hashes in this log outlive that.
      if (sealed.newest) tellAnchor(sealed.newest)
    }
    return sealed.links.length
  }
}

interface Sealed {
  readonly links: readonly ChainLink[]
  readonly newest: ChainLink | undefined
}

async function sealBatch(db: Queryable, startedMs: number, reachMs: number): Promise<Sealed> {
  if (!(await tryLock(db, 'audit-sealer'))) return { links: [], newest: undefined }
  const newest = await findNewestLink(db)
  const since = sealFrom(await findNewestSealedAt(db), startedMs, reachMs)
  const links = chain(newest, await findUnsealedEvents(db, since, BATCH))
  if (links.length > 0) await insertLinks(db, links)
  return { links, newest: links.at(-1) ?? newest }
}

/**
 * From where on unsealed events are looked for: counted from the youngest sealed event and not from now, so that
 * nothing is lost while no instance seals; and never from the future, where a wrong clock may have put one.
 */
function sealFrom(newestSealedAt: Date | undefined, nowMs: number, reachMs: number): Date {
  if (newestSealedAt === undefined) return new Date(0)
  return new Date(Math.min(newestSealedAt.getTime(), nowMs) - reachMs)
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
