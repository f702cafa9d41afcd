/** Moves keys from state to state: creates missing ones, lets the next one sign, and removes a compromised one. */

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
import type { AuditRows } from '../../audit/audit-rows.ts'
import type { Client } from '../../lib/client.ts'
import type { SealedBox } from '../../lib/crypto/sealed-box.ts'
import { createKeyPair, unsealSigningKey } from './key-pair.ts'

/** The store of the keys, and the box that seals them. */
export interface EnsureKeysOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly nowMs: () => number
}

interface ChangeKeysOptions extends EnsureKeysOptions {
  readonly audit: AuditRows
}

/** The two keys that exist at any time. */
interface CurrentKeys {
  readonly active: SigningKeyRow
  readonly next: SigningKeyRow
}

type Rotated =
  | ({ readonly ok: true; readonly retiring: SigningKeyRow } & CurrentKeys)
  /** Some edge may not know the next key before `waitMs` have passed. */
  | { readonly ok: false; readonly next: SigningKeyRow; readonly waitMs: number }

interface Removed extends CurrentKeys {
  /** The key as it was before. */
  readonly removed: SigningKeyRow
}

/** The time after which every edge knows a new key, in spite of its caches. */
export const KNOWN_EVERYWHERE_MS = KEY_PROPAGATION_SECONDS * 1000

/** Milliseconds until every edge knows the key; 0 where every edge does. */
export function untilKnownMs(key: Pick<SigningKeyRow, 'createdAt'>, nowMs: number): number {
  return Math.max(0, key.createdAt.getTime() + KNOWN_EVERYWHERE_MS - nowMs)
}

/** Creates the active and the next key if they are missing. Of several origins that start at once, one creates them. */
export async function ensureKeys({ database, box, nowMs }: EnsureKeysOptions): Promise<void> {
  const rows = await database.run(listSigningKeys)
  if (find(rows, 'active') && find(rows, 'next')) return
  await database.transaction(async db => {
    await lock(db, 'signing-keys')
    await ensureCurrentKeys(db, box, new Date(nowMs()))
  })
}

/**
 * Lets the next key sign from now on. Refuses while an edge may not know that key yet, unless the rotation `isUrgent`.
 *
 * @throws {Error} where the keys were sealed under a root secret that is not in `ROOT_SECRETS`
 */
export async function rotateKeys(options: ChangeKeysOptions, client: Client, isUrgent: boolean): Promise<Rotated> {
  const { database, box, audit, nowMs } = options
  return database.transaction(async db => {
    await lock(db, 'signing-keys')
    const now = new Date(nowMs())
    const before = await ensureCurrentKeys(db, box, now)
    const waitMs = untilKnownMs(before.next, now.getTime())
    if (waitMs > 0 && !isUrgent) return { ok: false, next: before.next, waitMs }

    await changeKeyState(db, before.active.kid, 'retiring', now)
    await changeKeyState(db, before.next.kid, 'active', now)
    const after = await ensureCurrentKeys(db, box, now)
    unsealSigningKey(box, after.active)
    const details = { kid: after.active.kid, retiring: before.active.kid }
    await insertAuditEvent(db, audit.event({ kind: 'key-rotated', client, atMs: now.getTime(), details }))
    return { ok: true, retiring: before.active, ...after }
  })
}

/**
 * Removes a key at once: it is neither published nor accepted any more, and its private part is wiped. If it was the
 * active one, the next one signs from now on, even if some edge does not know it yet.
 *
 * @returns `undefined` where the key does not exist, or is removed already
 * @throws {Error} where the keys were sealed under a root secret that is not in `ROOT_SECRETS`
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
    const after = await ensureCurrentKeys(db, box, now)
    // Only the new active key is unsealed: a removed key that cannot be unsealed must not block its removal.
    unsealSigningKey(box, after.active)
    const details = { kid, state: removed.state, active: after.active.kid }
    await insertAuditEvent(db, audit.event({ kind: 'key-removed', client, atMs: now.getTime(), details }))
    return { removed, ...after }
  })
}

/** Creates the missing ones of the two keys, and returns both. Runs under the lock. */
async function ensureCurrentKeys(db: Queryable, box: SealedBox, now: Date): Promise<CurrentKeys> {
  const rows = await listSigningKeys(db)
  const findOrCreate = async (state: 'active' | 'next') =>
    find(rows, state) ?? (await insertSigningKey(db, createKeyPair(box, state, now)))
  return { active: await findOrCreate('active'), next: await findOrCreate('next') }
}

function find(rows: readonly SigningKeyRow[], state: SigningKeyRow['state']): SigningKeyRow | undefined {
  return rows.find(row => row.state === state)
}
