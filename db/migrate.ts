/** Migrates a database to the newest schema. Any number of processes may try at once. */

import { fileURLToPath } from 'node:url'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import { connectionSettings } from './connection-url.ts'
import { drizzle, migrate, readMigrationFiles } from './drizzle.ts'
import { withoutRollbackOnLostConnections } from './lost-connection.ts'

/** An arbitrary number that all our processes share. */
const MIGRATION_LOCK = 5_081_420_031

const MIGRATIONS = { migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)) }

/**
 * Applies the missing migrations. The lock makes a second process wait and then find nothing to do. It belongs to the
 * transaction and not to the session: behind a pooler the next transaction may run on another connection of the server.
 *
 * A role without the right to change the schema may call this, too. It succeeds if no migration is missing.
 *
 * @throws {Error} if a migration is missing and this role may not apply it
 */
export async function migrateDatabase(url: string): Promise<void> {
  const { url: address, ssl, targetSessionAttrs, startup } = connectionSettings(url)
  const client = postgres(address, {
    max: 1,
    connect_timeout: 5,
    prepare: false,
    target_session_attrs: targetSessionAttrs,
    onnotice: () => {},
    ...(ssl !== undefined && { ssl }),
    connection: { application_name: 'gatehouse', ...startup }
  })
  try {
    if (await isCurrent(client)) return
    await withoutRollbackOnLostConnections(client).begin(async transaction => {
      await transaction.unsafe('select pg_advisory_xact_lock($1::bigint)', [MIGRATION_LOCK])
      await migrate(drizzle(asClient(transaction, client)), MIGRATIONS)
    })
  } catch (error) {
    throw explained(error)
  } finally {
    await client.end({ timeout: 2 })
  }
}

/** A transaction in the shape of a client. Drizzle migrates inside it, and its own transaction becomes a savepoint. */
function asClient(transaction: TransactionSql, { options }: Sql): Sql {
  return Object.assign(transaction, { options, begin: transaction.savepoint }) as unknown as Sql
}

async function isCurrent(client: Sql): Promise<boolean> {
  const newest = Math.max(...readMigrationFiles(MIGRATIONS).map(migration => migration.folderMillis))
  const [row] = await client`select max(created_at) as applied from drizzle.__drizzle_migrations`.catch(error => {
    if (UNDEFINED.has(error.code)) return []
    throw error
  })
  return Number(row?.applied ?? 0) >= newest
}

/** SQLSTATEs of a schema or a table that does not exist, and of a missing right. */
const UNDEFINED = new Set(['3F000', '42P01', '42501'])

/** Drizzle's own error quotes a query. The operator needs the server's message and an advice instead. */
function explained(error: unknown): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return error
  const code = 'code' in cause ? String(cause.code) : cause.name
  const said = cause.message === '' ? code : `${cause.message} (${code})`
  const advice = code === '42501' ? FORBIDDEN : 'Check DATABASE_URL and MIGRATION_DATABASE_URL'
  return new Error(`Tried to migrate the database to the newest schema and found: ${said}. ${advice}`, { cause })
}

const FORBIDDEN =
  'This role may not change the schema: run "npm run migrate" with MIGRATION_DATABASE_URL set to the URL of the role that owns the tables'
