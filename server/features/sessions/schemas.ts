/** What sessions look like on the wire. */

import { type Static, Type } from '@sinclair/typebox'
import { deviceName } from '../../lib/device-name.ts'
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

export const NoContent = Type.Null({ description: 'Done' })

export const SessionParams = Type.Object({ id: Type.String({ maxLength: 64 }) })

export const SessionShape = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    current: Type.Boolean({ description: 'The session of the token that was sent' }),
    device: Type.String({ description: 'Browser and system, in words' }),
    ipAddress: Type.String({ description: 'Where the session began' }),
    createdAt: Type.String({ format: 'date-time' }),
    lastUsedAt: Type.String({ format: 'date-time', description: 'The last sign-in or refresh' }),
    expiresAt: Type.String({ format: 'date-time' })
  },
  { additionalProperties: false }
)

export const SessionList = Type.Object({ sessions: Type.Array(SessionShape) }, { additionalProperties: false })

/** Picks what may be shown from what is stored. */
export function showSession(
  session: {
    id: string
    userAgent: string
    ipAddress: string
    createdAt: Date
    lastUsedAt: Date
    expiresAt: Date
  },
  currentSid: string
): Static<typeof SessionShape> {
  return {
    id: session.id,
    current: session.id === currentSid,
    device: deviceName(session.userAgent),
    ipAddress: session.ipAddress,
    createdAt: session.createdAt.toISOString(),
    lastUsedAt: session.lastUsedAt.toISOString(),
    expiresAt: session.expiresAt.toISOString()
  }
}
