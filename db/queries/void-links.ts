/** Makes every open link of an account void: the one rule behind whatever ends an account's standing. */

import type { Queryable } from '../client.ts'
import { and, eq, inArray, isNotNull, isNull, or } from '../drizzle.ts'
import { mailedTokens, outbox, users } from '../schema/index.ts'

/** Requests whose token the mail worker has yet to make. */
const REQUESTS = ['reset-requested', 'verification-requested']

/**
 * Voids the mailed tokens of an account, the unsent emails that carry one, and the requests for one that wait for the
 * mail worker. Belongs into the transaction of what ends the standing.
 *
 * Security: locks the user first. A link that is being made or opened at the same moment is then either seen here, or
 * its transaction sees what this one has done.
 */
export async function voidLinksOf(db: Queryable, userId: string, now: Date): Promise<void> {
  const [user] = await db.select({ email: users.email }).from(users).where(eq(users.id, userId)).for('update')
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
