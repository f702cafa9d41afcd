/**
 * Sends nothing more to a connection that was lost during a transaction.
 *
 * The driver answers the failure of a transaction with a ROLLBACK on the same connection. If its socket is closed, the
 * write throws outside of every promise and ends the process (postgres 3.4.9, its issue 1208). The server has rolled
 * back by then, and the driver rejects the transaction when the connection closes.
 */

import type { Sql, TransactionSql } from 'postgres'

/** The codes of a lost connection: of the driver, of sockets, and the SQLSTATEs by which a server ends a session. */
const LOST = /^(CONNECTION_(CLOSED|DESTROYED|ENDED)|ECONN\w+|EPIPE|ETIMEDOUT|57P0[1-5])$/

/** Never settles, so that the driver sends nothing. */
const never = () => new Promise<never>(() => {})

/** Makes every transaction of `client` send nothing to its connection once that is lost. */
export function withoutRollbackOnLostConnections(client: Sql): Sql {
  const { begin } = client
  const beginCarefully = (work: (sql: TransactionSql) => unknown) => {
    // Only a loss of this transaction's own connection counts. Work that fails for another reason is rolled back.
    const connection: { loss: unknown } = { loss: undefined }
    const outcome = begin(async sql => {
      try {
        const result = await work(watched(sql, connection))
        return connection.loss === undefined ? result : never()
      } catch (error) {
        if (connection.loss !== undefined) return never()
        throw error
      }
    })
    // The driver rejects when the connection closes, even between two statements. Work that continues sends no more.
    outcome.catch((error: unknown) => {
      connection.loss ??= error
    })
    return outcome
  }
  return Object.assign(client, { begin: beginCarefully })
}

/**
 * A transaction that notes the loss of its connection and refuses statements after it, in savepoints, too. Drizzle runs
 * every query through `unsafe`.
 */
function watched(sql: TransactionSql, connection: { loss: unknown }): TransactionSql {
  const { unsafe, savepoint } = sql
  const unsafeUntilLoss = (...args: Parameters<typeof unsafe>) => {
    if (connection.loss !== undefined) throw connection.loss
    const query = unsafe(...args)
    query.catch((error: unknown) => {
      if (isLoss(error)) connection.loss ??= error
    })
    return query
  }
  const savepointCarefully = (work: (inner: TransactionSql) => unknown) =>
    savepoint(inner => work(watched(inner, connection)))
  return Object.assign(sql, { unsafe: unsafeUntilLoss, savepoint: savepointCarefully })
}

function isLoss(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOST.test(String(error.code))
}
