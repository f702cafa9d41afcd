/** Removes what is over: sessions, signing keys, mailed tokens, registrations, sent mails, old audit events; a little at a time. */

import type { Database, Queryable } from '../../db/client.ts'
import {
  deleteExpiredMailedTokens,
  deleteExpiredRegistrations,
  deleteOldDevices,
  deleteOldMails,
  type Place,
  purgeAuditEvents,
  sweepSessions
} from '../../db/queries/housekeeping.ts'
import { tryLock } from '../../db/queries/locks.ts'
import { KNOWN_DEVICE_DAYS } from '../../db/queries/session-beginnings.ts'
import { deleteKeys } from '../../db/queries/signing-keys.ts'
import { CLOCK_SKEW_SECONDS } from '../../edge/contract/claims.ts'

export interface HousekeepingOptions {
  readonly database: Database
  /** How long a session or a key that is over still matters: the life of an access token and a margin. */
  readonly retentionMs: number
  readonly auditRetentionMs: number
  readonly nowMs: () => number
  readonly log: { info(fields: object, message: string): void }
  /** Rows that one transaction looks at. */
  readonly batch?: number
}

const BATCH = 500
/** Batches of one kind in one round: what is left waits for the next, and closing never waits long. */
const MAX_BATCHES = 20
/** For so long a token passes after it has expired. */
const CLOCK_SKEW_MS = CLOCK_SKEW_SECONDS * 1000
/** How long a mail is kept after it was written. */
const MAIL_RETENTION_MS = 7 * 86_400_000
/** Expired ones are kept for so long: by them the mail worker knows that another link could be a stranger's. */
const KEEP_REGISTRATIONS_MS = 7 * 86_400_000

/** @returns whether there may be more to do, and how much was removed */
type Chore = (db: Queryable, nowMs: number, limit: number) => Promise<{ more: boolean; removed: number }>

/**
 * Creates one round of housekeeping, for one instance at a time: each batch is a short transaction of its own under a
 * lock that others do not wait for.
 */
export function createHousekeeping(options: HousekeepingOptions): () => Promise<void> {
  const { database, nowMs, log, batch = BATCH } = options
  const chores = createChores(options)

  /** @returns `undefined` where another instance is at it */
  const runBatch = (chore: Chore) =>
    database.transaction(async db => ((await tryLock(db, 'housekeeping')) ? chore(db, nowMs(), batch) : undefined))

  return async () => {
    for (const [name, chore] of Object.entries(chores)) {
      let removed = 0
      for (let i = 0; i < MAX_BATCHES; i++) {
        const done = await runBatch(chore)
        removed += done?.removed ?? 0
        if (!done?.more) break
      }
      if (removed > 0) log.info({ chore: name, removed }, 'removed what is over')
    }
  }
}

function createChores({ retentionMs, auditRetentionMs }: HousekeepingOptions): Readonly<Record<string, Chore>> {
  return {
    'ended-sessions': sessionChore('endedAt', retentionMs),
    'expired-sessions': sessionChore('expiresAt', retentionMs),
    // The margin of the retention is for origins that signed with the key for a moment longer, not having read yet.
    'retired-keys': simpleChore((db, nowMs) =>
      deleteKeys(db, 'retiring', new Date(nowMs - retentionMs - CLOCK_SKEW_MS))
    ),
    'removed-keys': simpleChore((db, nowMs) => deleteKeys(db, 'removed', new Date(nowMs - retentionMs))),
    'mailed-tokens': simpleChore((db, nowMs, limit) => deleteExpiredMailedTokens(db, new Date(nowMs), limit)),
    registrations: simpleChore((db, nowMs, limit) =>
      deleteExpiredRegistrations(db, new Date(nowMs - KEEP_REGISTRATIONS_MS), limit)
    ),
    'known-devices': simpleChore((db, nowMs, limit) =>
      deleteOldDevices(db, new Date(nowMs - KNOWN_DEVICE_DAYS * 86_400_000), limit)
    ),
    mails: simpleChore((db, nowMs, limit) => deleteOldMails(db, new Date(nowMs - MAIL_RETENTION_MS), limit)),
    'audit-events': simpleChore((db, nowMs, limit) => purgeAuditEvents(db, new Date(nowMs - auditRetentionMs), limit))
  }
}

function simpleChore(remove: (db: Queryable, nowMs: number, limit: number) => Promise<number>): Chore {
  return async (db, nowMs, limit) => {
    const removed = await remove(db, nowMs, limit)
    return { removed, more: removed === limit }
  }
}

/**
 * Some sessions stay (see `sweepSessions`), and would be met again by every batch that began at the beginning: so each
 * batch goes on where the one before stopped, over as many rounds as it takes, and then begins anew.
 */
function sessionChore(by: 'endedAt' | 'expiresAt', retentionMs: number): Chore {
  let place: Place | undefined
  return async (db, nowMs, limit) => {
    const { next, removed } = await sweepSessions(db, {
      by,
      before: new Date(nowMs - retentionMs),
      after: place,
      limit
    })
    place = next
    return { removed, more: next !== undefined }
  }
}
