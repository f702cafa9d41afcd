/** The process: reads the environment, migrates, listens, and closes gracefully. The only reader of `process.env`. */

import { flushCompileCache } from 'node:module'
import { cpus } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { migrateDatabase } from '../db/migrate.ts'
import { loadConfig } from './config.ts'
import { lowerPoolPriority } from './lib/passwords/pool-priority.ts'
import { ConfigError } from './lib/settings/settings-reader.ts'
import { createLogger } from './logger.ts'
import { openOrigin } from './origin.ts'

// bcrypt may take a thread per core; four more are for everything else, so that nothing waits behind a login storm.
// It is read once, when the first work goes to the pool.
process.env.UV_THREADPOOL_SIZE ??= String(cpus().length + 4)

try {
  const config = loadConfig(process.env)
  await migrateDatabase(config.migrationDatabaseUrl)
  const log = createLogger(config.logLevel)
  const origin = await openOrigin(config, log)
  // By now the decoy hash has started the threads.
  lowerPoolPriority()
  // Where `npm start` keeps compiled modules: at once, for a process that is killed would keep nothing.
  flushCompileCache()
  closeWithGrace({ delay: 10_000, logger: log }, async ({ err }) => {
    if (err) log.fatal({ err }, 'the origin closes after an error')
    await origin.close()
  })
} catch (error) {
  const said = error instanceof Error ? error.message : String(error)
  process.stderr.write(error instanceof ConfigError ? `${said}\n` : `The origin could not start: ${said}\n`)
  process.exitCode = 1
}
