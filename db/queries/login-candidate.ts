/** Reads what a login needs, in one round trip. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { eq, sql } from '../drizzle.ts'
import { users } from '../schema/index.ts'
import type { User } from './users.ts'

/** Everything that a login with one email address can concern. */
export interface LoginCandidate {
  /** The user with this address, if there is one. */
  readonly user: User | undefined
  /** The password hash of the newest registration that waits for its link, where no user has the address yet. */
  readonly pendingPasswordHash: string | undefined
  /** The user has a session, live or ended, that was not purged yet. */
  readonly hasSignedInBefore: boolean
}

const loginCandidate = builtOnce(db => {
  const email = sql.placeholder('email')
  const pendingPasswordHash = sql<string | null>`(
    select r.password_hash from registrations r
    where r.email = ${email} and r.expires_at > ${sql.placeholder('now')}::timestamptz
    order by r.created_at desc limit 1
  )`.as('pending')
  const hasSignedInBefore = sql<boolean>`exists (select 1 from sessions s where s.user_id = ${users.id})`.as('before')
  return db
    .select({ user: users, pendingPasswordHash, hasSignedInBefore })
    .from(sql`(select 1) as one`)
    .leftJoin(users, eq(users.email, email))
    .prepare('login-candidate')
})

/** Looks up everything that a login with `email` (canonical) can concern. */
export async function findLoginCandidate(db: Queryable, email: string, now: Date): Promise<LoginCandidate> {
  const [row] = await loginCandidate(db).execute({ email, now: now.toISOString() })
  return {
    user: row?.user ?? undefined,
    pendingPasswordHash: row?.pendingPasswordHash ?? undefined,
    hasSignedInBefore: row?.hasSignedInBefore ?? false
  }
}
