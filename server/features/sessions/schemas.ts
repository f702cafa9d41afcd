/** What sessions look like on the wire. */

import { type Static, Type } from '@sinclair/typebox'
import { PASSWORD_MAX_LENGTH } from '../../lib/password-policy.ts'
import { UserShape } from '../../lib/user-shape.ts'

export const Login = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254, description: 'The address you registered with' }),
    password: Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH }),
    rememberMe: Type.Optional(Type.Boolean({ description: 'Stay signed in for 30 days instead of one' })),
    captchaToken: Type.Optional(Type.String({ maxLength: 2048, description: 'Only after `captcha-required`' }))
  },
  {
    additionalProperties: false,
    examples: [{ email: 'ada@example.com', password: 'Correct-horse-7', rememberMe: false }]
  }
)

const tokens = {
  accessToken: Type.String({ description: 'For `Authorization: Bearer`; RFC 9068' }),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({ description: 'Seconds until the access token expires' }),
  refreshToken: Type.Optional(
    Type.String({ description: 'Only for clients that are no browser; a browser gets it as an HttpOnly cookie' })
  )
}

export const LoggedIn = Type.Object({ user: Type.Ref(UserShape), ...tokens }, { additionalProperties: false })

export const Refreshed = Type.Object(tokens, { additionalProperties: false })
export type Refreshed = Static<typeof Refreshed>

export const RefreshTokenBody = Type.Union([
  Type.Object(
    { refreshToken: Type.Optional(Type.String({ maxLength: 512 })) },
    { additionalProperties: false, examples: [{}] }
  ),
  Type.Null()
])

export const Message = Type.Object({ message: Type.String() }, { additionalProperties: false })

export const VerifiedToken = Type.Object(
  {
    active: Type.Literal(true),
    claims: Type.Object({
      iss: Type.String(),
      aud: Type.String(),
      sub: Type.String(),
      sid: Type.String(),
      jti: Type.String(),
      iat: Type.Integer(),
      exp: Type.Integer(),
      email: Type.String(),
      email_verified: Type.Boolean(),
      role: Type.String(),
      name: Type.String()
    })
  },
  { additionalProperties: false }
)
