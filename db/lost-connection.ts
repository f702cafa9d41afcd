/**
 * Ends a transaction whose connection was lost without another word to that connection.
 *
 * The driver answers the failure of a transaction with a ROLLBACK on the same connection. Where that has no socket any
 * more, the write throws outside of every promise and ends the process (postgres 3.4.9, its issue 1208). The server has
 * rolled back by then, and the driver itself rejects the transaction when it notices the close.
 */

import type { Sql, TransactionSql } from 'postgres'

/** The driver's codes of a lost connection, those of sockets, and the SQLSTATEs by which a server ends a session. */
const LOST = /^(CONNECTION_(CLOSED|DESTROYED|ENDED)|ECONN\w+|EPIPE|ETIMEDOUT|57P0[1-5])$/

/** Whether an error of the driver, or of Drizzle around it, says that the connection is gone. */
function isLost(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error && 'code' in cause && LOST.test(String(cause.code))
}

/** Makes every transaction of `client` leave a lost connection alone. */
export function withoutWordsToLostConnections(client: Sql): Sql {
  const { begin } = client
  const beginCarefully = (work: (sql: TransactionSql) => unknown) =>
    begin(async sql => {
      refuseAfterLoss(sql)
      try {
        return await work(sql)
      } catch (error) {
        // Settling would send the ROLLBACK. The driver rejects the transaction by itself, with the close.
        if (isLost(error)) return new Promise<never>(() => {})
        throw error
      }
    })
  return Object.assign(client, { begin: beginCarefully })
}

/** Work that goes on after the loss must not write either. */
function refuseAfterLoss(sql: TransactionSql): void {
  const { unsafe } = sql
  let loss: unknown
  const unsafeUntilLoss = (...args: Parameters<typeof unsafe>) => {
    if (loss !== undefined) throw loss
    const query = unsafe(...args)
    query.catch((error: unknown) => {
      if (isLost(error)) loss ??= error
    })
    return query
  }
  Object.assign(sql, { unsafe: unsafeUntilLoss })
}
