/**
 * Cancels each statement that the server has not answered in time, so that it releases its connection and its locks.
 *
 * `statement_timeout` is not an option. PgBouncer refuses it as a parameter of the start-up packet. As a setting of the
 * session it would stay with the server connection that PgBouncer lent. Set in each transaction it would cost round
 * trips. PgBouncer forwards the cancel request of the protocol.
 */

import type { Sql, TransactionSql } from 'postgres'
import { afterDeadline } from '../edge/contract/after-deadline.ts'

/** The driver's internal canceller. The public `cancel()` drops its promise, and a rejection would end the process. */
interface Cancellable extends Promise<unknown> {
  readonly canceller: (query: Cancellable) => Promise<void>
}

/** Gives every statement of `client` a deadline, those of its transactions included. */
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

/** Limits `unsafe`, because Drizzle runs every query through it. */
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

/** If the server cannot be reached for the cancellation, the statement ends with its connection. */
function cancel(query: Cancellable): void {
  query.canceller(query).catch(() => {})
}
