/** The schemas that routes of several features refer to by their `$id`. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { AuditKindShape } from '../audit/audit-shapes.ts'
import { Problem } from '../lib/http/problem-responses.ts'
import { UserShape } from '../lib/http/user-shape.ts'

/** Adds the schemas to the app. */
export const sharedSchemas = fp(
  async (app: FastifyInstance) => {
    for (const schema of [Problem, UserShape, AuditKindShape]) app.addSchema(schema)
  },
  { name: 'shared-schemas', fastify: '5.x' }
)
