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

// bcrypt may take a thread per core. Four more threads keep other work from waiting behind a login storm.
// libuv reads the size once, when the first work goes to the pool.
process.env.UV_THREADPOOL_SIZE ??= String(cpus().length + 4)

try {
  const config = loadConfig(process.env)
  await migrateDatabase(config.migrationDatabaseUrl)
  const log = createLogger(config.logLevel)
  const origin = await openOrigin(config, log)
  // The decoy hash has started the threads by now.
  lowerPoolPriority()
  // `npm start` keeps compiled modules. They are written now, because a killed process would not write them.
  flushCompileCache()
  closeWithGrace({ delay: 10_000, logger: log }, async ({ err }) => {
    if (err) log.fatal({ err }, 'the origin closes after an error')
    await origin.close()
  })
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(error instanceof ConfigError ? `${message}\n` : `The origin could not start: ${message}\n`)
  process.exitCode = 1
}
