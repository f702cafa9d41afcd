/** Locks that several instances agree on; each is held until its transaction ends. */

import type { Queryable } from '../client.ts'
import { sql } from '../drizzle.ts'

/** Arbitrary numbers that all our processes agree on, one for each kind of work. */
const LOCKS = {
  'audit-sealer': 5_081_420_032,
  housekeeping: 5_081_420_033,
  standing: 5_081_420_034,
  'signing-keys': 5_081_420_035
} as const

export type LockName = keyof typeof LOCKS

/** Takes a lock where nobody holds it. @returns false where somebody does */
export async function tryLock(db: Queryable, name: LockName): Promise<boolean> {
  const [row] = await db.execute<{ taken: boolean }>(sql`select pg_try_advisory_xact_lock(${LOCKS[name]}) as taken`)
  return row?.taken === true
}

/** Takes a lock, and waits for whoever holds it. */
export async function lock(db: Queryable, name: LockName): Promise<void> {
  await db.execute(sql`select pg_advisory_xact_lock(${LOCKS[name]})`)
}
