/** The shapes of sessions in requests and answers. */

import { type Static, Type } from '@sinclair/typebox'
import { MAX_TARGET_BYTES } from '../../../edge/contract/http.ts'
import { deviceName } from '../../lib/devices/device-name.ts'
import { PRESENTED_MARK } from '../../lib/devices/presented-marks.ts'
import { DEVICE_MARK, SESSION_TOKENS, SESSION_TOKENS_EXAMPLE } from '../../lib/http/answer-shapes.ts'
import { optionalBody } from '../../lib/http/optional-body.ts'
import { RoleShape, UserShape } from '../../lib/http/user-shape.ts'
import { PASSWORD_MAX_LENGTH } from '../../lib/passwords/password-policy.ts'

export { Message, NoContent } from '../../lib/http/answer-shapes.ts'

/** The body of a login. */
export const Login = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254, description: 'The email address of the account' }),
    password: Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH }),
    rememberMe: Type.Optional(Type.Boolean({ description: 'Stay signed in for 30 days instead of one' })),
    deviceMark: PRESENTED_MARK,
    captchaToken: Type.Optional(
      Type.String({ maxLength: 2048, description: 'Needed only after a `captcha-required` problem' })
    )
  },
  {
    additionalProperties: false,
    examples: [{ email: 'ada@example.com', password: 'Correct-horse-7', rememberMe: false }]
  }
)

/** The answer to a login. */
export const LoggedIn = Type.Object(
  { user: Type.Ref(UserShape), ...SESSION_TOKENS, deviceMark: DEVICE_MARK },
  { additionalProperties: false, examples: [{ user: UserShape.examples?.[0], ...SESSION_TOKENS_EXAMPLE }] }
)

/** The answer to a refresh. */
export const Refreshed = Type.Object(SESSION_TOKENS, {
  additionalProperties: false,
  examples: [SESSION_TOKENS_EXAMPLE]
})
/** The answer to a refresh, as `Refreshed` describes it. */
export type Refreshed = Static<typeof Refreshed>

/** A refresh token in the body. Browsers send a cookie instead. */
export const RefreshTokenBody = optionalBody(
  Type.Object(
    { refreshToken: Type.Optional(Type.String({ maxLength: 512, description: 'Non-browser clients only' })) },
    // Forms that were not filled in send the example: it must not hold a made-up token.
    { additionalProperties: false, description: 'Not needed if the cookie carries the token', examples: [{}] }
  )
)

/** NumericDate (RFC 7519 §2). */
const SECONDS = Type.Integer({ format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** The claims of a verified access token. */
export const VerifiedToken = Type.Object(
  {
    active: Type.Literal(true),
    claims: Type.Object({
      iss: Type.String(),
      aud: Type.String(),
      sub: Type.String(),
      sid: Type.String(),
      jti: Type.String(),
      iat: SECONDS,
      exp: SECONDS,
      client_id: Type.String(),
      rot: Type.Integer({ format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      email: Type.String(),
      email_verified: Type.Boolean(),
      role: RoleShape,
      name: Type.String()
    })
  },
  {
    additionalProperties: false,
    examples: [
      {
        active: true,
        claims: {
          iss: 'https://auth.example.com',
          aud: 'https://auth.example.com',
          sub: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f60',
          sid: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f62',
          jti: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f64',
          iat: 1_795_251_600,
          exp: 1_795_252_500,
          client_id: 'gatehouse',
          rot: 0,
          email: 'ada@example.com',
          email_verified: true,
          role: 'user',
          name: 'Ada'
        }
      }
    ]
  }
)

/** The id of a session in the path. */
export const SessionParams = Type.Object({
  id: Type.String({ maxLength: MAX_TARGET_BYTES, description: 'An id from the list of sessions' })
})

const SessionShape = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    current: Type.Boolean({ description: 'Whether the access token of this request belongs to the session' }),
    device: Type.String({ description: 'Browser and operating system, for people' }),
    ipAddress: Type.String({ description: 'The address of the client at sign-in' }),
    createdAt: Type.String({ format: 'date-time' }),
    lastUsedAt: Type.String({ format: 'date-time', description: 'The last sign-in or refresh' }),
    expiresAt: Type.String({ format: 'date-time' })
  },
  { additionalProperties: false }
)

/** The live sessions of a user. */
export const SessionList = Type.Object(
  { sessions: Type.Array(SessionShape) },
  {
    additionalProperties: false,
    examples: [
      {
        sessions: [
          {
            id: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f62',
            current: true,
            device: 'Firefox on Linux',
            ipAddress: '203.0.113.7',
            createdAt: '2026-11-21T09:00:00.000Z',
            lastUsedAt: '2026-11-21T09:14:00.000Z',
            expiresAt: '2026-11-22T09:00:00.000Z'
          }
        ]
      }
    ]
  }
)

/** Shows the public part of a stored session. */
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
