/** The parser of database URLs in settings, which names the faults of their parameters. */

import { DATABASE_URL_FORM, parseConnectionUrl } from '../db/connection-url.ts'
import { SettingFault } from './lib/settings/settings-reader.ts'

export { DATABASE_URL_FORM }

/** Parses `postgres://…`. */
export function parseDatabaseUrl(text: string): string | SettingFault {
  const parsed = parseConnectionUrl(text)
  return parsed.ok ? text : new SettingFault(parsed.reason)
}
