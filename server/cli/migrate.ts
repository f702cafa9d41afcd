/** Migrates the database as its owner, for deployments in which the origin has a lesser role. */

import { migrateDatabase } from '../../db/migrate.ts'
import { DATABASE_URL_FORM, parseDatabaseUrl } from '../database-url.ts'
import { createSettingsReader } from '../lib/settings/settings-reader.ts'
import type { Command } from './command.ts'

/** `gatehouse migrate` */
export const migrate: Command = {
  usage: 'migrate',
  summary: 'Bring the database of MIGRATION_DATABASE_URL, otherwise DATABASE_URL, to the newest schema',
  async run(_args, env, terminal) {
    const read = createSettingsReader(env)
    const url =
      read.maybe('MIGRATION_DATABASE_URL', DATABASE_URL_FORM, parseDatabaseUrl) ??
      read.required('DATABASE_URL', DATABASE_URL_FORM, parseDatabaseUrl)
    read.throwIfWrong()
    await migrateDatabase(url)
    terminal.out('The database has the newest schema.')
    return 0
  }
}
