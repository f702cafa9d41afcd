/** Who owns the local database and who works with it, and what the command line needs to know of both. */

import { writeFile } from 'node:fs/promises'
import { migrateDatabase } from '../db/migrate.ts'
import { prepareAppRole } from './postgres/app-role.ts'

/** URLs of one migrated database. */
export interface DatabaseRoles {
  /** Migrates. */
  readonly owner: string
  /** The origin's: as in production, it owns nothing. */
  readonly worker: string
}

/**
 * Migrates a database and finds who works with it.
 *
 * @param given the settings, where the database is somebody's own: its server keeps the roles that it has
 */
export async function prepareDatabaseRoles(
  database: string,
  given: Readonly<Record<string, string | undefined>>
): Promise<DatabaseRoles> {
  const isOwn = given.DATABASE_URL !== undefined
  const owner = isOwn ? (given.MIGRATION_DATABASE_URL ?? database) : database
  await migrateDatabase(owner)
  return { owner, worker: isOwn ? database : await prepareAppRole(database) }
}

/**
 * Writes the settings that `npm run gatehouse` reads, as `node --env-file` wants them.
 *
 * @param redis where the command tells the edges of a removed key; without it the origin does
 */
export async function writeCommandSettings(
  path: string,
  roles: DatabaseRoles,
  rootSecrets: string,
  redis?: { readonly url: string; readonly token: string; readonly namespace?: string | undefined }
): Promise<void> {
  const settings = {
    DATABASE_URL: roles.worker,
    MIGRATION_DATABASE_URL: roles.owner,
    ROOT_SECRETS: rootSecrets,
    ...(redis && { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: redis.token }),
    ...(redis?.namespace && { REDIS_NAMESPACE: redis.namespace })
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}="${value}"\n`)
  await writeFile(path, lines.join(''), { mode: 0o600 })
}
