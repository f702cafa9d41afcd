/** Opens the database: a bounded pool, a deadline for all work, and one error for an unavailable database. */

import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { afterDeadline } from '../edge/contract/after-deadline.ts'
import { connectionSettings } from './connection-url.ts'
import { drizzle } from './drizzle.ts'
import { withoutRollbackOnLostConnections } from './lost-connection.ts'
import * as schema from './schema/index.ts'
import { withStatementDeadline } from './statement-deadline.ts'

/** The pool or a transaction: a query function runs on either. */
export type Queryable = Pick<
  PostgresJsDatabase<typeof schema>,
  'select' | 'insert' | 'update' | 'delete' | 'execute' | '$with' | 'with'
>

/** The database did not answer in time or could not be reached; the work may or may not have been done. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError'
}

/** An open pool. */
export interface Database {
  /** Runs queries, each in a transaction of its own. @throws {DatabaseUnavailableError} */
  run<T>(work: (db: Queryable) => Promise<T>): Promise<T>
  /** Runs queries that take effect together or not at all. @throws {DatabaseUnavailableError} */
  transaction<T>(work: (db: Queryable) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** The URL and the limits of a pool. */
export interface DatabaseOptions {
  readonly url: string
  readonly maxConnections?: number
  /** The time limit of one call of `run` or `transaction`, connecting included. */
  readonly deadlineMs?: number
  /** False behind a pooler that keeps no prepared statements: each query then takes two round trips. */
  readonly prepares?: boolean | undefined
}

/** Opens a pool. It connects when a query needs a connection, and again after the server was unavailable. */
export function openDatabase(options: DatabaseOptions): Database {
  const { maxConnections = 10, deadlineMs = 2500 } = options
  const { url, ssl, targetSessionAttrs, startup, prepares } = connectionSettings(options.url)
  const driver = postgres(url, {
    max: maxConnections,
    connect_timeout: (deadlineMs * 0.8) / 1000,
    idle_timeout: 60,
    // Without this the driver waits up to 20 s before it connects again.
    backoff: () => 0.1,
    // No query sends or returns an array, and fetching the types of arrays would delay every connection.
    fetch_types: false,
    prepare: options.prepares ?? prepares,
    target_session_attrs: targetSessionAttrs,
    onnotice: () => {},
    ...(ssl !== undefined && { ssl }),
    connection: { application_name: 'gatehouse', ...startup }
  })
  const client = withStatementDeadline(withoutRollbackOnLostConnections(driver), deadlineMs)
  const db = drizzle(client, { schema })

  return {
    run: work => withinDeadline(work(db), deadlineMs),
    transaction: work => withinDeadline(db.transaction(work), deadlineMs),
    close: () => client.end({ timeout: 2 })
  }
}

async function withinDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  const deadline = Promise.withResolvers<never>()
  const stop = afterDeadline(deadlineMs, () =>
    deadline.reject(new DatabaseUnavailableError(`the database did not answer within ${deadlineMs} ms`))
  )
  try {
    return await Promise.race([work, deadline.promise])
  } catch (error) {
    throw translated(error)
  } finally {
    stop()
  }
}

/** Connection failures of the driver, and the SQLSTATEs by which a server says that it cannot serve at the moment. */
const UNAVAILABLE =
  /^(CONNECT_TIMEOUT|CONNECTION_(CLOSED|ENDED|DESTROYED)|ECONN\w+|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENET\w+|ENOENT|08\w{3}|57P0\d|57014|53\w{3}|25006|40001|40P01|55P03)$/

/** A prepared statement is missing, or exists already: it was prepared on another connection of the server. */
const LOST_STATEMENT = /^(26000|42P05)$/
const POOLER = 'the pooler before the database keeps no prepared statements: set DATABASE_PREPARE=false'

/** Security: Drizzle's own error quotes the query and its parameters. Its cause does not, so only the cause is used. */
function translated(error: unknown): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (LOST_STATEMENT.test(code)) return new DatabaseUnavailableError(`${POOLER} (${code})`)
  if (!UNAVAILABLE.test(code)) return cause
  // An error about several addresses has an empty message; only its code is shown.
  const message = cause instanceof Error ? cause.message : ''
  const said = message === '' || message.includes(code) ? message || code : `${code}: ${message}`
  return new DatabaseUnavailableError(`the database is not available (${said})`)
}

/** The constraint that an insert or update violated, if `error` names one (SQLSTATE class 23). */
export function brokenConstraint(error: unknown): string | undefined {
  const fields = error as { code?: unknown; constraint_name?: unknown } | null
  const isViolation = error instanceof Error && String(fields?.code).startsWith('23')
  return isViolation ? String(fields?.constraint_name) : undefined
}
