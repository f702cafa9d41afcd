/** Key pairs that sign access tokens: their states, and which removals the edges have been told. */

import type { Queryable } from '../client.ts'
import { and, eq, gt, inArray, lt } from '../drizzle.ts'
import { signingKeys } from '../schema/index.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect
export type NewSigningKey = typeof signingKeys.$inferInsert

/** Every key that there is, removed ones included, oldest first. */
export async function listSigningKeys(db: Queryable): Promise<SigningKeyRow[]> {
  return db.select().from(signingKeys).orderBy(signingKeys.createdAt, signingKeys.kid)
}

/** Inserts a key. @throws where its state is one that a single key may have, and another one has it */
export async function insertSigningKey(db: Queryable, key: NewSigningKey): Promise<SigningKeyRow> {
  const [row] = await db.insert(signingKeys).values(key).returning()
  // An insert returns its row or throws.
  return row as SigningKeyRow
}

export async function changeKeyState(
  db: Queryable,
  kid: string,
  state: 'active' | 'retiring',
  now: Date
): Promise<void> {
  await db.update(signingKeys).set({ state, stateSince: now }).where(eq(signingKeys.kid, kid))
}

/** Removes a key and wipes its private part; the edges have yet to be told. */
export async function removeSigningKey(db: Queryable, kid: string, now: Date): Promise<void> {
  await db
    .update(signingKeys)
    .set({ state: 'removed', stateSince: now, sealedPrivateKey: null })
    .where(eq(signingKeys.kid, kid))
}

/** Keys that were removed after `since`: what a rebuilt revocation set must hold beside sessions. */
export async function findKeysRemovedSince(db: Queryable, since: Date): Promise<string[]> {
  const rows = await db
    .select({ kid: signingKeys.kid })
    .from(signingKeys)
    .where(and(eq(signingKeys.state, 'removed'), gt(signingKeys.stateSince, since)))
  return rows.map(row => row.kid)
}

/** Removed keys of which the edges have not been told. */
export async function findUnpublishedRemovals(db: Queryable): Promise<string[]> {
  const rows = await db
    .select({ kid: signingKeys.kid })
    .from(signingKeys)
    .where(and(eq(signingKeys.state, 'removed'), eq(signingKeys.removalPublished, false)))
  return rows.map(row => row.kid)
}

export async function markRemovalsPublished(db: Queryable, kids: readonly string[]): Promise<void> {
  await db
    .update(signingKeys)
    .set({ removalPublished: true })
    .where(inArray(signingKeys.kid, [...kids]))
}

/** Deletes the keys that have been retiring, or removed, since before `before`. @returns how many */
export async function deleteKeys(db: Queryable, state: 'retiring' | 'removed', before: Date): Promise<number> {
  const rows = await db
    .delete(signingKeys)
    .where(and(eq(signingKeys.state, state), lt(signingKeys.stateSince, before)))
    .returning({ kid: signingKeys.kid })
  return rows.length
}
