/** Brings a database to the newest schema; any number of processes may try at once. */

import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'

/** An arbitrary number that all our processes agree on. */
const MIGRATION_LOCK = 5_081_420_031

/** Applies what is missing. The lock makes a second process wait and then find nothing to do. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} })
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`
    await migrate(drizzle(client), { migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) })
  } finally {
    await client.end({ timeout: 2 })
  }
}
