/** Request bodies that a client may leave out. */

import { type Static, type TObject, Type } from '@sinclair/typebox'

/**
 * The schema of a body that a client may leave out. Fastify validates `null` in its place.
 *
 * One schema with two types instead of a union, which would report a fault once for each branch. The OpenAPI document says
 * `required: false` instead of `null`.
 */
export function optionalBody<T extends TObject>(schema: T) {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: ['object', 'null'] })
}
