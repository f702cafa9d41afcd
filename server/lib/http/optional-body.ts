/** Request bodies that a client may leave out. */

import { type Static, type TObject, Type } from '@sinclair/typebox'

/**
 * The schema of a body that may be left out; Fastify validates `null` in its place.
 *
 * One schema with two types, not a union: against a union, one fault is reported once for each branch. The OpenAPI
 * document says `required: false` instead of `null`.
 */
export function optionalBody<T extends TObject>(schema: T) {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: ['object', 'null'] })
}
