/** Builds a query once for each pool, so that the driver prepares it once for each connection. */

import type { Queryable } from './client.ts'

/**
 * Keeps the result of `build` for each pool or transaction.
 *
 * Building a query costs more time than its round trip. A query that is not prepared takes two round trips, one for the
 * types of its parameters, and is planned each time.
 */
export function builtOnce<Query>(build: (db: Queryable) => Query): (db: Queryable) => Query {
  const queries = new WeakMap<Queryable, Query>()
  return db => {
    const known = queries.get(db)
    if (known !== undefined) return known
    const query = build(db)
    queries.set(db, query)
    return query
  }
}
