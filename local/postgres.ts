/** Runs a real PostgreSQL from an npm package, without Docker. Schema and queries are left to `db`. */

import { resolve } from 'node:path'
import { makeDataDir, prepareCluster, serverUser } from './postgres/cluster.ts'
import { awaitUnused } from './postgres/lock.ts'
import { startServer } from './postgres/server.ts'
import { openServerFiles } from './postgres/server-files.ts'
import { openServerLog } from './postgres/server-log.ts'

/** Where PostgreSQL keeps its data and listens. */
export interface LocalPostgresOptions {
  /** Contains `cluster/` (data, and the password in `local-password`, mode 0600) and the logs of the last two runs. */
  readonly dataDir: string
  /** 0 lets the system choose. */
  readonly port?: number
  /** Called with the port of the server, and if the server ends unexpectedly. */
  readonly log?: (message: string) => void
  /** Where root copies the programs to if their account cannot reach the checkout. */
  readonly cacheDir?: string
}

/** A running PostgreSQL. */
export interface LocalPostgres {
  /** A superuser's URL of the database `postgres`; the password in it survives a restart. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts PostgreSQL over `dataDir` and resolves when it answers queries. The first start creates the database.
 *
 * It listens on 127.0.0.1 only, requires a password, and ends with this process (see `spawnTied`). Data survives a
 * restart, also after `kill -9`. Started by root, it runs under the account that owns the data, at first user 65534,
 * which needs no access to the folders above `dataDir`.
 *
 * @throws if npm has no PostgreSQL for this machine, the folder is in use or belongs to another major version, the given
 * port is taken (`code` is then `EADDRINUSE`), or the server does not answer within 15 s (with the end of its log)
 */
export async function openLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const { port = 0, log: tell = () => {}, cacheDir = '/var/cache/gatehouse' } = options
  const dataDir = resolve(options.dataDir)
  const user = await serverUser(dataDir)
  const files = await openServerFiles(user, cacheDir)
  const closers: (() => Promise<unknown>)[] = [files.discard]
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  let closing: Promise<void> | undefined

  try {
    await makeDataDir(dataDir)
    await awaitUnused(dataDir)
    const log = await openServerLog(dataDir)
    closers.push(log.close)

    const cluster = await prepareCluster(dataDir, files, user, log)
    const server = await startServer({ cluster, files, log, port })
    closers.push(server.close)
    tell(`PostgreSQL ${files.major} listens on port ${new URL(server.url).port}, data in "${dataDir}"`)
    server.ended.then(() => closers.length > 0 && tell(`PostgreSQL ended unexpectedly: see "${log.path}"`))
    return { url: server.url, close: () => (closing ??= closeAll()) }
  } catch (error) {
    await closeAll()
    throw error
  }
}
