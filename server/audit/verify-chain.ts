/** Checks the audit log against its hash chain, from the anchor to the newest link, and finds the first fault. */

import type { Database } from '../../db/client.ts'
import type { AuditEvent } from '../../db/queries/audit.ts'
import { type ChainLink, countUnlinkedEvents, readLinkStates, readLinks } from '../../db/queries/audit-chain.ts'
import { CHAIN_REACH_MS } from './extend-chain.ts'
import { FIRST_PREVIOUS_HASH, linkHash } from './link-hash.ts'

/** The database of the log, and how to check it. */
export interface VerifyChainOptions {
  readonly database: Database
  readonly nowMs: () => number
  /** An earlier link, from the log. It shows a tail that was cut off, or a chain that was recomputed. */
  readonly expected?: { readonly position: number; readonly hash: Uint8Array }
  readonly batch?: number
}

/** The first fault of a chain. */
export type ChainFault =
  /** The event, its time in the link, or the hash of the link was altered. */
  | 'altered'
  /** The event of a link is missing. */
  | 'event-missing'
  /** A position of the chain is missing. */
  | 'link-missing'
  /** An event is too old to have no link: its link was removed, or the event was slipped in. */
  | 'event-unlinked'
  /** The expected link is missing, or it has another hash. */
  | 'unexpected'

/** The outcome of a verification. */
export type ChainReport =
  | {
      readonly intact: true
      /** The number of links that were checked with their events. */
      readonly checked: number
      /** The last link with a purged event; every later one was checked. 0: every link was checked. */
      readonly anchor: number
      readonly newest: { readonly position: number; readonly hash: string } | undefined
      /** The number of events that wait for their link. */
      readonly waiting: number
    }
  | {
      readonly intact: false
      readonly fault: ChainFault
      readonly position: number | undefined
      readonly eventId: string | undefined
    }

type Broken = Extract<ChainReport, { intact: false }>

/** `purge_audit_events()` refuses to purge younger events. */
const MIN_RETENTION_MS = 30 * 86_400_000

/**
 * Walks the whole chain in batches. A purge at the same moment can look like a missing link; a second run shows none.
 *
 * Without `expected` it cannot detect events that were removed from the end together with their links.
 */
export async function verifyChain(options: VerifyChainOptions): Promise<ChainReport> {
  const walked = await walkLinks(options)
  if ('intact' in walked) return walked
  const { newest, checked, anchor, youngestMs } = walked
  const reach = new Date(Math.min(youngestMs, options.nowMs()) - CHAIN_REACH_MS)
  const unlinked = await findUnlinked(options, reach)
  if (unlinked !== undefined) return broken('event-unlinked', undefined, unlinked)
  const waiting = await options.database.run(db => countUnlinkedEvents(db, reach))
  const shown = newest && { position: newest.position, hash: Buffer.from(newest.hash).toString('hex') }
  return { intact: true, checked, anchor, newest: shown, waiting }
}

interface Walk {
  newest: Pick<ChainLink, 'position' | 'hash'> | undefined
  checked: number
  anchor: number
  /** The time of the youngest event that has a link. */
  youngestMs: number
}

async function walkLinks({ database, nowMs, expected, batch = 1000 }: VerifyChainOptions): Promise<Walk | Broken> {
  const walk: Walk = { newest: undefined, checked: 0, anchor: 0, youngestMs: 0 }
  let isExpectedSeen = expected === undefined
  for (;;) {
    const rows = await database.run(db => readLinks(db, walk.newest?.position ?? 0, batch))
    for (const { link, event } of rows) {
      const fault = step(walk, link, event, nowMs())
      if (fault) return fault
      if (link.position !== expected?.position) continue
      if (!sameBytes(link.hash, expected.hash)) return broken('unexpected', link.position, link.eventId)
      isExpectedSeen = true
    }
    if (rows.length < batch) return isExpectedSeen ? walk : broken('unexpected', expected?.position)
  }
}

/** Checks one link against the walk so far, and adds it. */
function step(walk: Walk, link: ChainLink, event: AuditEvent | null, nowMs: number): Broken | undefined {
  const isFirst = walk.newest === undefined
  if (isFirst && event === null) {
    // A purge leaves exactly one link without its event, at the beginning of the chain.
    if (link.eventAt.getTime() > nowMs - MIN_RETENTION_MS) return broken('event-missing', link.position, link.eventId)
    walk.anchor = link.position
  } else {
    const expectedPosition = (walk.newest?.position ?? 0) + 1
    if (link.position !== expectedPosition) return broken('link-missing', expectedPosition)
    if (event === null) return broken('event-missing', link.position, link.eventId)
    const hash = linkHash(walk.newest?.hash ?? FIRST_PREVIOUS_HASH, event)
    const isIntact = sameBytes(hash, link.hash) && event.at.getTime() === link.eventAt.getTime()
    if (!isIntact) return broken('altered', link.position, link.eventId)
    walk.checked++
  }
  walk.newest = link
  walk.youngestMs = Math.max(walk.youngestMs, link.eventAt.getTime())
  return undefined
}

async function findUnlinked({ database, batch = 1000 }: VerifyChainOptions, before: Date): Promise<string | undefined> {
  let after: { id: string; at: Date } | undefined
  for (;;) {
    const events = await database.run(db => readLinkStates(db, after, before, batch))
    const unlinked = events.find(({ linked }) => !linked)
    if (unlinked) return unlinked.id
    if (events.length < batch) return undefined
    after = events.at(-1)
  }
}

function broken(fault: ChainFault, position?: number, eventId?: string): Broken {
  return { intact: false, fault, position, eventId }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(Buffer.from(b))
}
