/** Keys that are stored sealed. The first four bytes are the id of the key that sealed them. */

import type { Queryable } from '../client.ts'
import { and, eq, isNotNull, sql } from '../drizzle.ts'
import { signingKeys, users } from '../schema/index.ts'

/**
 * Signing keys that another key than `keyId` has sealed. Removed keys are not among them.
 *
 * @param keyId eight hexadecimal digits
 */
export async function findSigningKeysNotUnder(db: Queryable, keyId: string) {
  const { kid, sealedPrivateKey } = signingKeys
  return db
    .select({ kid, sealed: sql<Uint8Array>`${sealedPrivateKey}` })
    .from(signingKeys)
    .where(
      and(isNotNull(sealedPrivateKey), sql`substring(${sealedPrivateKey} from 1 for 4) <> decode(${keyId}, 'hex')`)
    )
}

/** The sealed bytes as they were read, and those that take their place. */
interface Replacement {
  readonly from: Uint8Array
  readonly to: Uint8Array
}

/** Replaces the private part of a signing key, unless another process has done so meanwhile. */
export async function replaceSealedPrivateKey(db: Queryable, kid: string, { from, to }: Replacement): Promise<void> {
  await db
    .update(signingKeys)
    .set({ sealedPrivateKey: to })
    .where(and(eq(signingKeys.kid, kid), eq(signingKeys.sealedPrivateKey, from)))
}

/** Audit keys of users that another key than `keyId` has sealed. @param keyId eight hexadecimal digits */
export async function findAuditKeysNotUnder(db: Queryable, keyId: string, limit: number) {
  return db
    .select({ id: users.id, sealed: users.sealedAuditKey })
    .from(users)
    .where(sql`substring(${users.sealedAuditKey} from 1 for 4) <> decode(${keyId}, 'hex')`)
    .limit(limit)
}

/** Replaces the audit key of a user, unless another process has done so meanwhile. */
export async function replaceAuditKey(db: Queryable, userId: string, { from, to }: Replacement): Promise<void> {
  await db
    .update(users)
    .set({ sealedAuditKey: to })
    .where(and(eq(users.id, userId), eq(users.sealedAuditKey, from)))
}
