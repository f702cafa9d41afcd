/**
 * Cancels each statement that the server has not answered in time, so that it holds no connection and no lock for longer.
 *
 * Not `statement_timeout`: as a parameter of the start-up packet PgBouncer refuses it, as a setting of the session it
 * would stay with whichever server connection PgBouncer lent for that moment, and for each transaction it would cost round
 * trips. PgBouncer hands on the cancel request of the protocol.
 */

import type { Sql, TransactionSql } from 'postgres'
import { afterDeadline } from '../edge/contract/after-deadline.ts'

/** The driver's own canceller answers with a promise, which its public `cancel()` drops: a rejection would end the process. */
interface Cancellable extends Promise<unknown> {
  readonly canceller: (query: Cancellable) => Promise<void>
}

/** Gives every statement that `client` is told to run a deadline, those of its transactions too. */
export function withStatementDeadline(client: Sql, deadlineMs: number): Sql {
  const { begin } = client
  limit(client, deadlineMs)
  const beginLimited = (work: (sql: TransactionSql) => unknown) =>
    begin(sql => {
      limit(sql, deadlineMs)
      return work(sql)
    })
  return Object.assign(client, { begin: beginLimited })
}

/** `unsafe` is what Drizzle runs every query by. */
function limit(sql: Sql | TransactionSql, deadlineMs: number): void {
  const { unsafe } = sql
  const unsafeLimited = (...args: Parameters<typeof unsafe>) => {
    const query = unsafe(...args)
    const stop = afterDeadline(deadlineMs, () => cancel(query as unknown as Cancellable))
    query.then(stop, stop)
    return query
  }
  Object.assign(sql, { unsafe: unsafeLimited })
}

/** Where the server cannot be reached for it either, the statement ends with its connection. */
function cancel(query: Cancellable): void {
  query.canceller(query).catch(() => {})
}
