/** The database and the keys of a command, opened from the environment and closed after it. */

import { type Database, openDatabase } from '../../db/client.ts'
import { type AuditRows, createAuditRows } from '../audit/audit-rows.ts'
import { DATABASE_URL_FORM, parseDatabaseUrl } from '../database-url.ts'
import type { Client } from '../lib/client.ts'
import { deriveKeys } from '../lib/crypto/derived-keys.ts'
import { createId } from '../lib/crypto/ids.ts'
import { createSealedBox, type SealedBox } from '../lib/crypto/sealed-box.ts'
import { secrets } from '../lib/settings/setting-parsers.ts'
import { createSettingsReader } from '../lib/settings/settings-reader.ts'
import type { Env } from './command.ts'

/** The ports of a command, opened for one run. */
export interface Tools {
  readonly database: Database
  readonly box: SealedBox
  readonly audit: AuditRows
  readonly nowMs: () => number
}

/** Runs work with the tools. @throws {ConfigError} for a missing or malformed setting, before anything is opened */
export async function withTools<T>(env: Env, work: (tools: Tools) => Promise<T>): Promise<T> {
  const read = createSettingsReader(env)
  const url = read.required('DATABASE_URL', DATABASE_URL_FORM, parseDatabaseUrl)
  const rootSecrets = read.required('ROOT_SECRETS', 'the same as for the origin', secrets)
  read.throwIfWrong()
  const database = openDatabase({ url, maxConnections: 1, prepares: false })
  const box = createSealedBox(deriveKeys(rootSecrets))
  try {
    return await work({ database, box, audit: createAuditRows(box), nowMs: () => Date.now() })
  } finally {
    await database.close()
  }
}

/** The client of a command, as the audit log names it. */
export function commandLine(nowMs: number): Client {
  return { address: 'command line', userAgent: 'gatehouse', requestId: createId(nowMs) }
}
