/**
 * The PostgreSQL of the tests: one server for a whole run, or for a test file that runs by itself. Its databases are
 * copies of a migrated one; `test-engines.ts` hands them out.
 */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { migrateDatabase } from '../../db/migrate.ts'
import { findServerPackage } from '../../local/postgres/server-files.ts'
import { type LocalPostgres, openLocalPostgres } from '../../local/postgres.ts'

/** The environment variable by which `test/run.ts` names its server to the files that it runs. */
export const RUN_POSTGRES_URL = 'TEST_RUN_POSTGRES_URL'

/** A migrated database of every server of the tests. Nothing connects to it: otherwise it could not be copied. */
export const MIGRATED_TEMPLATE = 'gatehouse_migrated'

const MIGRATIONS = fileURLToPath(new URL('../../db/migrations', import.meta.url))
/** Never committed. */
const CACHE = fileURLToPath(new URL('../../.tap', import.meta.url))

/**
 * Suited to tests: their data need not survive a power cut, and most of their time would be spent waiting for the disk.
 * for. The origins of several files connect at the same time.
 */
const SETTINGS = '\nfsync = off\nsynchronous_commit = off\nmax_connections = 300\n'

/** Starts a server on a copy of the kept cluster in `dataDir`. */
export async function openTestPostgres(dataDir: string): Promise<LocalPostgres> {
  // With owners, links and times: the server refuses a cluster that belongs to another account.
  await promisify(execFile)('cp', ['-a', await keptCluster(), dataDir])
  return openLocalPostgres({ dataDir })
}

/** A cluster with the migrated template, kept between runs: making one takes ten times as long as copying it. */
async function keptCluster(): Promise<string> {
  const kept = join(CACHE, `postgres-${await fingerprint()}`)
  if (existsSync(kept)) return kept
  const draft = `${kept}-${process.pid}`
  await (await openLocalPostgres({ dataDir: draft })).close()
  await appendFile(join(draft, 'cluster', 'postgresql.conf'), SETTINGS)
  const server = await openLocalPostgres({ dataDir: draft })
  await makeTemplate(server.url).finally(server.close)
  // Of several files that make one at the same time, the first wins and the others remove theirs.
  await rename(draft, kept).catch(() => rm(draft, { recursive: true, force: true }))
  return kept
}

async function makeTemplate(serverUrl: string): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create database ${MIGRATED_TEMPLATE}`).finally(() => sql.end())
  await migrateDatabase(Object.assign(new URL(serverUrl), { pathname: `/${MIGRATED_TEMPLATE}` }).href)
}

/** Changes with the server's version, its settings and every migration. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256').update(`${(await findServerPackage()).version}${SETTINGS}`)
  for (const name of (await readdir(MIGRATIONS)).filter(name => name.endsWith('.sql')).sort())
    hash.update(await readFile(join(MIGRATIONS, name)))
  return hash.digest('hex').slice(0, 12)
}
