/**
 * The parts of Drizzle that we use, loaded as CommonJS. Types come from `drizzle-orm` itself.
 *
 * For each of its 300 ES modules Node 24 parses the 180 KB of its package.json again: half a second at every start.
 * Loading it as CommonJS takes a tenth of that. No other file imports it, so only one copy is loaded.
 */

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Operators and SQL fragments. */
export const {
  and,
  asc,
  desc,
  eq,
  getTableColumns,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  max,
  ne,
  notExists,
  or,
  sql
} = require('drizzle-orm') as typeof import('drizzle-orm')

/** Tables and columns. */
export const {
  alias,
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid
} = require('drizzle-orm/pg-core') as typeof import('drizzle-orm/pg-core')

/** Runs queries through the driver. */
export const { drizzle } = require('drizzle-orm/postgres-js') as typeof import('drizzle-orm/postgres-js')

/** Reads the folder of migrations. */
export const { readMigrationFiles } = require('drizzle-orm/migrator') as typeof import('drizzle-orm/migrator')

/** Applies migrations. */
export const { migrate } =
  require('drizzle-orm/postgres-js/migrator') as typeof import('drizzle-orm/postgres-js/migrator')
