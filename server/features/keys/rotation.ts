/** Moves keys from state to state: what is missing is made, the next one takes over, a bad one is removed. */

import type { Database, Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { lock } from '../../../db/queries/locks.ts'
import {
  changeKeyState,
  insertSigningKey,
  listSigningKeys,
  removeSigningKey,
  type SigningKeyRow
} from '../../../db/queries/signing-keys.ts'
import { KEY_PROPAGATION_SECONDS } from '../../../edge/contract/key-lifetimes.ts'
import type { AuditRows } from '../../audit/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import type { SealedBox } from '../../lib/crypto/sealed-box.ts'
import { createKeyPair, openSigningKey } from './key-pair.ts'

export interface MakeKeysOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly nowMs: () => number
}

export interface ChangeKeysOptions extends MakeKeysOptions {
  readonly audit: AuditRows
}

/** The two keys that are always there. */
export interface StandingKeys {
  readonly active: SigningKeyRow
  readonly next: SigningKeyRow
}

export type Rotated =
  | ({ readonly ok: true; readonly retiring: SigningKeyRow } & StandingKeys)
  /** Not every edge can know the next key before `waitMs` have passed. */
  | { readonly ok: false; readonly next: SigningKeyRow; readonly waitMs: number }

export interface Removed extends StandingKeys {
  /** The key as it was before. */
  readonly removed: SigningKeyRow
}

/** How long after it was made a key is known to every edge, whatever its caches hold. */
export const KNOWN_EVERYWHERE_MS = KEY_PROPAGATION_SECONDS * 1000

/** Milliseconds until every edge knows the key; 0 where they all do. */
export function untilKnownMs(key: Pick<SigningKeyRow, 'createdAt'>, nowMs: number): number {
  return Math.max(0, key.createdAt.getTime() + KNOWN_EVERYWHERE_MS - nowMs)
}

/** Makes the active and the next key where they are missing; of several origins that start at once, one does. */
export async function ensureKeys({ database, box, nowMs }: MakeKeysOptions): Promise<void> {
  const rows = await database.run(listSigningKeys)
  if (find(rows, 'active') && find(rows, 'next')) return
  await database.transaction(async db => {
    await lock(db, 'signing-keys')
    await fillPlaces(db, box, new Date(nowMs()))
  })
}

/**
 * Lets the next key sign from now on. Refuses while an edge may not know it yet, unless that `isUrgent`.
 *
 * @throws {Error} where the root secrets at hand are not those that sealed the keys
 */
export async function rotateKeys(options: ChangeKeysOptions, client: Client, isUrgent: boolean): Promise<Rotated> {
  const { database, box, audit, nowMs } = options
  return database.transaction(async db => {
    await lock(db, 'signing-keys')
    const now = new Date(nowMs())
    const before = await fillPlaces(db, box, now)
    const waitMs = untilKnownMs(before.next, now.getTime())
    if (waitMs > 0 && !isUrgent) return { ok: false, next: before.next, waitMs }

    await changeKeyState(db, before.active.kid, 'retiring', now)
    await changeKeyState(db, before.next.kid, 'active', now)
    const after = await fillPlaces(db, box, now)
    openSigningKey(box, after.active)
    const details = { kid: after.active.kid, retiring: before.active.kid }
    await insertAuditEvent(db, audit.event({ kind: 'key-rotated', client, atMs: now.getTime(), details }))
    return { ok: true, retiring: before.active, ...after }
  })
}

/**
 * Removes a key at once: it is neither published nor accepted any more, and its private part is wiped. Where it was the
 * active one, the next takes over, known to every edge or not.
 *
 * @returns `undefined` where there is no such key, or it is removed already
 * @throws {Error} where the root secrets at hand are not those that sealed the keys
 */
export async function removeKey(options: ChangeKeysOptions, client: Client, kid: string): Promise<Removed | undefined> {
  const { database, box, audit, nowMs } = options
  return database.transaction(async db => {
    await lock(db, 'signing-keys')
    const rows = await listSigningKeys(db)
    const removed = rows.find(row => row.kid === kid && row.state !== 'removed')
    if (removed === undefined) return undefined

    const now = new Date(nowMs())
    await removeSigningKey(db, kid, now)
    const next = find(rows, 'next')
    if (removed.state === 'active' && next !== undefined) await changeKeyState(db, next.kid, 'active', now)
    const after = await fillPlaces(db, box, now)
    // Not the removed one: whatever became of that one must not keep it from being removed.
    openSigningKey(box, after.active)
    const details = { kid, state: removed.state, active: after.active.kid }
    await insertAuditEvent(db, audit.event({ kind: 'key-removed', client, atMs: now.getTime(), details }))
    return { removed, ...after }
  })
}

/** Under the lock: makes what is missing of the two, and returns both. */
async function fillPlaces(db: Queryable, box: SealedBox, now: Date): Promise<StandingKeys> {
  const rows = await listSigningKeys(db)
  const filled = async (state: 'active' | 'next') =>
    find(rows, state) ?? (await insertSigningKey(db, createKeyPair(box, state, now)))
  return { active: await filled('active'), next: await filled('next') }
}

function find(rows: readonly SigningKeyRow[], state: SigningKeyRow['state']): SigningKeyRow | undefined {
  return rows.find(row => row.state === state)
}
