/** Finds the rows that belong to an account by its present or former email addresses, not by its id. */

import type { SQL } from 'drizzle-orm'
import { sql } from '../drizzle.ts'

/**
 * The email addresses of an account, each with the time in which the account had it: from `since`, and before `until`
 * if it is a former one.
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
 * Security: later emails to the address belong to the next holder of the mailbox. Earlier emails about another account
 * belong to the previous holder.
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
 * The ids of the registrations that wait at an address of an account, and were created before the account gave it up.
 *
 * Security: a later registration may contain the name and the password of the next holder.
 */
export function registrationsOfAccount(userId: string): SQL {
  return sql`any(array(
    select r.id from ${heldBy(userId)} join registrations r on r.email = held.email
    where held.until is null or r.created_at < held.until
  ))`
}
