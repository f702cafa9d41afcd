/** Queries that are built once for a pool and prepared once for each of its connections. */

import type { Queryable } from './client.ts'

/**
 * Keeps what `build` makes for each pool or transaction. Building a query costs more than its round trip; and a query
 * that is not prepared takes two round trips, one for the types of its parameters, and is planned each time.
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
