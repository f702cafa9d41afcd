/** A user as the API shows it. */

import { type Static, Type } from '@sinclair/typebox'
import { NAME_MAX_LENGTH } from '../users/person-name.ts'

/**
 * One schema instead of a union of literals. A union would check each answer against both literals, by a validator that
 * is compiled for the first one. It would also report a wrong role in a request twice.
 */
export const RoleShape = Type.Unsafe<'user' | 'admin'>(Type.String({ enum: ['user', 'admin'] }))

/** The schema and the type of a user. */
export const UserShape = Type.Object(
  {
    id: Type.String({ format: 'uuid', maxLength: 36 }),
    email: Type.String({ maxLength: 254 }),
    name: Type.String({ maxLength: NAME_MAX_LENGTH }),
    role: RoleShape,
    emailVerified: Type.Boolean(),
    createdAt: Type.String({ format: 'date-time', maxLength: 24 })
  },
  {
    $id: 'User',
    additionalProperties: false,
    examples: [
      {
        id: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f60',
        email: 'ada@example.com',
        name: 'Ada',
        role: 'user',
        emailVerified: true,
        createdAt: '2026-11-21T09:00:00.000Z'
      }
    ]
  }
)

/** A user as answers show it. */
export type UserShape = Static<typeof UserShape>

/** Picks the members that the API may show. */
export function showUser(user: {
  id: string
  email: string
  name: string
  role: 'user' | 'admin'
  emailVerified: boolean
  createdAt: Date
}): UserShape {
  const { id, email, name, role, emailVerified, createdAt } = user
  return { id, email, name, role, emailVerified, createdAt: createdAt.toISOString() }
}
