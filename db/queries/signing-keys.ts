/** Key pairs that sign access tokens: their states, and the removals that were published to Redis. */

import type { Queryable } from '../client.ts'
import { and, eq, gt, inArray, lt } from '../drizzle.ts'
import { signingKeys } from '../schema/index.ts'

/** A row of `signing_keys`. */
export type SigningKeyRow = typeof signingKeys.$inferSelect
/** A key to insert. */
export type NewSigningKey = typeof signingKeys.$inferInsert

/** Every key, removed ones included, oldest first. */
export async function listSigningKeys(db: Queryable): Promise<SigningKeyRow[]> {
  return db.select().from(signingKeys).orderBy(signingKeys.createdAt, signingKeys.kid)
}

/** Inserts a key. @throws if its state is reserved for one key, and another key has it */
export async function insertSigningKey(db: Queryable, key: NewSigningKey): Promise<SigningKeyRow> {
  const [row] = await db.insert(signingKeys).values(key).returning()
  // An insert returns its row or throws.
  return row as SigningKeyRow
}

/** Moves a key to another state. */
export async function changeKeyState(
  db: Queryable,
  kid: string,
  state: 'active' | 'retiring',
  now: Date
): Promise<void> {
  await db.update(signingKeys).set({ state, stateSince: now }).where(eq(signingKeys.kid, kid))
}

/** Removes a key and wipes its private part. The removal is not published yet. */
export async function removeSigningKey(db: Queryable, kid: string, now: Date): Promise<void> {
  await db
    .update(signingKeys)
    .set({ state: 'removed', stateSince: now, sealedPrivateKey: null })
    .where(eq(signingKeys.kid, kid))
}

/** Keys that were removed after `since`. A rebuilt revocation set must contain them, besides sessions. */
export async function findKeysRemovedSince(db: Queryable, since: Date): Promise<string[]> {
  const rows = await db
    .select({ kid: signingKeys.kid })
    .from(signingKeys)
    .where(and(eq(signingKeys.state, 'removed'), gt(signingKeys.stateSince, since)))
  return rows.map(row => row.kid)
}

/** Keys with an unpublished removal. */
export async function findUnpublishedRemovals(db: Queryable): Promise<string[]> {
  const rows = await db
    .select({ kid: signingKeys.kid })
    .from(signingKeys)
    .where(and(eq(signingKeys.state, 'removed'), eq(signingKeys.removalPublished, false)))
  return rows.map(row => row.kid)
}

/** Marks the removals of these keys as published. */
export async function markRemovalsPublished(db: Queryable, kids: readonly string[]): Promise<void> {
  await db
    .update(signingKeys)
    .set({ removalPublished: true })
    .where(inArray(signingKeys.kid, [...kids]))
}

/** Deletes the keys that have been retiring, or removed, since before `before`. @returns their number */
export async function deleteKeys(db: Queryable, state: 'retiring' | 'removed', before: Date): Promise<number> {
  const rows = await db
    .delete(signingKeys)
    .where(and(eq(signingKeys.state, state), lt(signingKeys.stateSince, before)))
    .returning({ kid: signingKeys.kid })
  return rows.length
}
