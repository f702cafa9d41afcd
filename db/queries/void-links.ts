/** Makes every unused link of an account void. Every change that invalidates the account's links calls this rule. */

import type { Queryable } from '../client.ts'
import { and, eq, inArray, isNotNull, isNull, or } from '../drizzle.ts'
import { mailedTokens, outbox } from '../schema/index.ts'
import { lockUser } from './users.ts'

/** Requests without a token so far: the mail worker creates it. */
const REQUESTS = ['reset-requested', 'verification-requested']

/**
 * Voids the mailed tokens of an account, the unsent emails that carry one, and the requests for one that wait for the
 * mail worker. Runs in the transaction of the change that invalidates them.
 *
 * Security: locks the user first. A link that is created or opened at the same moment is then either seen here, or its
 * transaction sees the result of this one.
 */
export async function voidLinksOf(db: Queryable, userId: string, now: Date): Promise<void> {
  const user = await lockUser(db, userId)
  if (user === undefined) return
  await db.delete(mailedTokens).where(eq(mailedTokens.userId, userId))
  await db
    .update(outbox)
    .set({ deadAt: now, sealedToken: null, parameters: {}, lastError: 'its link was made void' })
    .where(
      and(
        isNull(outbox.sentAt),
        isNull(outbox.deadAt),
        or(
          and(eq(outbox.userId, userId), isNotNull(outbox.sealedToken)),
          and(eq(outbox.recipient, user.email), inArray(outbox.kind, REQUESTS))
        )
      )
    )
}
