/**
 * Ends a transaction whose connection was lost without another word to that connection.
 *
 * The driver answers the failure of a transaction with a ROLLBACK on the same connection. Where that has no socket any
 * more, the write throws outside of every promise and ends the process (postgres 3.4.9, its issue 1208). The server has
 * rolled back by then, and the driver itself rejects the transaction when the connection closes.
 */

import type { Sql, TransactionSql } from 'postgres'

/** The driver's codes of a lost connection, those of sockets, and the SQLSTATEs by which a server ends a session. */
const LOST = /^(CONNECTION_(CLOSED|DESTROYED|ENDED)|ECONN\w+|EPIPE|ETIMEDOUT|57P0[1-5])$/

/** Never settles: the driver has nothing to send then. */
const never = () => new Promise<never>(() => {})

/** Makes every transaction of `client` leave a lost connection alone. */
export function withoutWordsToLostConnections(client: Sql): Sql {
  const { begin } = client
  const beginCarefully = (work: (sql: TransactionSql) => unknown) => {
    // Only what this transaction's own connection says counts: work may fail of other connections, and is rolled back.
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
    // The driver rejects at the close, also where no statement was under way: work that goes on then sends no other.
    outcome.catch((error: unknown) => {
      connection.loss ??= error
    })
    return outcome
  }
  return Object.assign(client, { begin: beginCarefully })
}

/**
 * A transaction that notes the loss of its connection and refuses statements after that, in savepoints as well. `unsafe`
 * is what Drizzle runs every query by.
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
