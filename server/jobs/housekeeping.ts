/** Deletes expired rows in small batches: sessions, signing keys, mailed tokens, registrations, emails, audit events. */

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

/** The retentions and the ports of housekeeping. */
export interface HousekeepingOptions {
  readonly database: Database
  /** How long an ended session or a removed key still matters: the life of an access token and a margin. */
  readonly retentionMs: number
  readonly auditRetentionMs: number
  readonly nowMs: () => number
  readonly log: { info(fields: object, message: string): void }
  /** Rows that one transaction reads. */
  readonly batch?: number
}

const BATCH = 500
/** Batches of one kind in one round. The rest waits for the next round, so closing never waits long. */
const MAX_BATCHES = 20
/** How long a token is accepted after it has expired. */
const CLOCK_SKEW_MS = CLOCK_SKEW_SECONDS * 1000
/** How long an email is kept after it was written. */
const MAIL_RETENTION_MS = 7 * 86_400_000
/** How long expired registrations are kept. They show the mail worker that another link may be an attacker's. */
const KEEP_REGISTRATIONS_MS = 7 * 86_400_000

/** One batch of one kind. @returns how many rows it deleted, and whether there may be more */
type Chore = (db: Queryable, nowMs: number, limit: number) => Promise<{ more: boolean; removed: number }>

/**
 * Creates one round of housekeeping. Each batch is a short transaction under a lock. An instance that finds the lock taken
 * does nothing.
 */
export function createHousekeeping(options: HousekeepingOptions): () => Promise<void> {
  const { database, nowMs, log, batch = BATCH } = options
  const chores = createChores(options)

  /** @returns `undefined` where another instance holds the lock */
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
      if (removed > 0) log.info({ chore: name, removed }, 'expired rows were deleted')
    }
  }
}

function createChores({ retentionMs, auditRetentionMs }: HousekeepingOptions): Readonly<Record<string, Chore>> {
  return {
    'ended-sessions': sessionChore('endedAt', retentionMs),
    'expired-sessions': sessionChore('expiresAt', retentionMs),
    // The retention has a margin for origins that signed with the key until they read that it retired.
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
 * Some sessions stay (see `sweepSessions`), and every batch from the beginning would read them again. So each batch goes
 * on where the batch before stopped, over several rounds if needed, and then begins anew.
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
