/** Key pairs that sign access tokens. */

import type { Queryable } from '../client.ts'
import { signingKeys } from '../schema/index.ts'

export type SigningKeyRow = typeof signingKeys.$inferSelect

/** Every key that is still published. */
export async function listSigningKeys(db: Queryable): Promise<SigningKeyRow[]> {
  return db.select().from(signingKeys).orderBy(signingKeys.createdAt)
}

/** Inserts an active key unless there is one: of several origins that start at once, one wins. */
export async function insertFirstActiveKey(db: Queryable, key: typeof signingKeys.$inferInsert): Promise<void> {
  await db.insert(signingKeys).values(key).onConflictDoNothing()
}
