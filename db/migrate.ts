/** Brings a database to the newest schema; any number of processes may try at once. */

import { fileURLToPath } from 'node:url'
import postgres, { type Sql } from 'postgres'
import { drizzle, migrate, readMigrationFiles } from './drizzle.ts'

/** An arbitrary number that all our processes agree on. */
const MIGRATION_LOCK = 5_081_420_031

const MIGRATIONS = { migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) }

/**
 * Applies what is missing. The lock makes a second process wait and then find nothing to do.
 *
 * A role that may change nothing can call this too: it succeeds where nothing is missing.
 *
 * @throws {Error} where something is missing that this role may not add
 */
export async function migrateDatabase(url: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} })
  try {
    if (await isCurrent(client)) return
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`
    await migrate(drizzle(client), MIGRATIONS)
  } catch (error) {
    throw explained(error)
  } finally {
    await client.end({ timeout: 2 })
  }
}

async function isCurrent(client: Sql): Promise<boolean> {
  const newest = Math.max(...readMigrationFiles(MIGRATIONS).map(migration => migration.folderMillis))
  const [row] = await client`select max(created_at) as applied from drizzle.__drizzle_migrations`.catch(error => {
    if (UNDEFINED.has(error.code)) return []
    throw error
  })
  return Number(row?.applied ?? 0) >= newest
}

/** SQLSTATEs of a schema, a table or a right that is not there (yet). */
const UNDEFINED = new Set(['3F000', '42P01', '42501'])

/** Drizzle's own error is about a query; whoever starts a process wants to know what to do. */
function explained(error: unknown): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const isForbidden = cause instanceof Error && 'code' in cause && cause.code === '42501'
  if (!isForbidden) return error
  return new Error(
    `Tried to bring the database to the newest schema and found that this role may not (${cause.message}): ` +
      'run "npm run migrate" with MIGRATION_DATABASE_URL set to the URL of the role that owns the tables',
    { cause }
  )
}
