/** Which rows are an account's by the addresses that it has or had; the account's id finds the others. */

import type { SQL } from 'drizzle-orm'
import { sql } from '../drizzle.ts'

/**
 * The addresses of an account, each with the time for which it was the account's: from `since`, and before `until` where
 * it is a former one.
 */
function heldBy(userId: string): SQL {
  return sql`(
    select email, until, coalesce(lag(until) over (order by until nulls last), created_at) as since
    from (
      select f.email, f.until, u.created_at from former_addresses f join users u on u.id = f.user_id where u.id = ${userId}
      union all
      select email, null, created_at from users where id = ${userId}
    ) addresses
  ) held`
}

/**
 * The ids of the emails about an account, or to an address of it while that was the account's.
 *
 * Security: what was mailed to an address later belongs to the next holder of the mailbox, and what concerns another
 * account and was mailed to it earlier, to the holder before.
 */
export function mailsOfAccount(userId: string): SQL {
  return sql`any(array(
    select id from outbox where user_id = ${userId}
    union
    select o.id from ${heldBy(userId)} join outbox o on o.recipient = held.email
    where (held.until is null or o.created_at < held.until)
      and (o.user_id is null or o.user_id = ${userId} or o.created_at >= held.since)
  ))`
}

/**
 * The ids of the registrations that wait at an address of an account, and were made before the account gave it up.
 *
 * Security: one that was made later may be the next holder's, whose name and password are in it.
 */
export function registrationsOfAccount(userId: string): SQL {
  return sql`any(array(
    select r.id from ${heldBy(userId)} join registrations r on r.email = held.email
    where held.until is null or r.created_at < held.until
  ))`
}
