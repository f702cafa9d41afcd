/** Locks that instances share, each held until its transaction ends. Locks on rows are beside their tables. */

import type { Queryable } from '../client.ts'
import { sql } from '../drizzle.ts'

/** Arbitrary numbers that all our processes share, one for each kind of work. */
const LOCKS = {
  'audit-chain': 5_081_420_032,
  housekeeping: 5_081_420_033,
  'account-status': 5_081_420_034,
  'signing-keys': 5_081_420_035
} as const

type LockName = keyof typeof LOCKS

/** Takes a lock if it is free. @returns false where another transaction holds it */
export async function tryLock(db: Queryable, name: LockName): Promise<boolean> {
  const [row] = await db.execute<{ locked: boolean }>(sql`select pg_try_advisory_xact_lock(${LOCKS[name]}) as locked`)
  return row?.locked === true
}

/** Takes a lock, and waits where another transaction holds it. */
export async function lock(db: Queryable, name: LockName): Promise<void> {
  await db.execute(sql`select pg_advisory_xact_lock(${LOCKS[name]})`)
}
