/** What accounts look like on the wire. */

import { Type } from '@sinclair/typebox'
import { PASSWORD_MAX_LENGTH } from '../../lib/password-policy.ts'
import { NAME_MAX_LENGTH } from '../../lib/person-name.ts'
import { UserShape } from '../../lib/user-shape.ts'

export const Register = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH }),
    name: Type.String({ minLength: 1, maxLength: NAME_MAX_LENGTH })
  },
  {
    additionalProperties: false,
    examples: [{ email: 'ada@example.com', password: 'Correct-horse-7', name: 'Ada' }]
  }
)

/** Where a link has to be opened first. */
export const RegistrationPending = Type.Object({ message: Type.String() }, { additionalProperties: false })

/** Where verification is optional: signed in at once. */
export const SignedUp = Type.Object(
  {
    user: Type.Ref(UserShape),
    accessToken: Type.String(),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer(),
    refreshToken: Type.Optional(Type.String())
  },
  { additionalProperties: false }
)

export const ProfileChange = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: NAME_MAX_LENGTH }) },
  { additionalProperties: false, examples: [{ name: 'Ada Lovelace' }] }
)
