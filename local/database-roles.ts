/** The roles of the local database (owner and origin), and the settings file for `npm run gatehouse`. */

import { writeFile } from 'node:fs/promises'
import { migrateDatabase } from '../db/migrate.ts'
import { prepareAppRole } from './postgres/app-role.ts'

/** URLs of one migrated database. */
export interface DatabaseRoles {
  /** Runs migrations. */
  readonly owner: string
  /** Used by the origin: as in production, it owns no table. */
  readonly worker: string
}

/**
 * Migrates a database and returns the URLs of its roles.
 *
 * @param given the environment; with `DATABASE_URL` the database belongs to the operator, and no role is created
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
 * Writes the settings for `npm run gatehouse` in the format of `node --env-file`.
 *
 * @param redis where the command publishes a removed key to the edges; without it the origin does
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
