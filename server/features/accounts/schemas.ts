/** The shapes of accounts in requests and answers. */

import { type Static, Type } from '@sinclair/typebox'
import { AuditKindShape, AuditOutcomeShape } from '../../audit/audit-shapes.ts'
import { PRESENTED_MARK } from '../../lib/devices/presented-marks.ts'
import { DEVICE_MARK, Message, SESSION_TOKENS, SESSION_TOKENS_EXAMPLE } from '../../lib/http/answer-shapes.ts'
import { UserShape } from '../../lib/http/user-shape.ts'
import { PASSWORD_MAX_LENGTH } from '../../lib/passwords/password-policy.ts'
import { NAME_MAX_LENGTH } from '../../lib/users/person-name.ts'

export { NoContent } from '../../lib/http/answer-shapes.ts'

/** The body of a registration. */
export const Register = Type.Object(
  {
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH }),
    name: Type.String({ minLength: 1, maxLength: NAME_MAX_LENGTH }),
    acceptedTermsVersion: Type.Optional(
      Type.String({
        maxLength: 100,
        description: 'The version of the terms that is in force, if the service has terms'
      })
    )
  },
  {
    additionalProperties: false,
    examples: [{ email: 'ada@example.com', password: 'Correct-horse-7', name: 'Ada' }]
  }
)

/** The answer if the user must open a mailed link first. */
export const RegistrationPending = Message

/** The answer if verification is optional: the user is signed in. */
export const SignedUp = Type.Object(
  { user: Type.Ref(UserShape), ...SESSION_TOKENS, deviceMark: DEVICE_MARK },
  { additionalProperties: false, examples: [{ user: UserShape.examples?.[0], ...SESSION_TOKENS_EXAMPLE }] }
)

/** The body of a change of the name. */
export const ProfileChange = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: NAME_MAX_LENGTH }) },
  { additionalProperties: false, examples: [{ name: 'Ada Lovelace' }] }
)

/** The body of the deletion of an account. */
export const Deletion = Type.Object(
  {
    password: Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH }),
    deviceMark: PRESENTED_MARK,
    captchaToken: Type.Optional(
      Type.String({ maxLength: 2048, description: 'Needed only after a `captcha-required` problem' })
    )
  },
  { additionalProperties: false, examples: [{ password: 'Correct-horse-7' }] }
)

const time = Type.String({ format: 'date-time' })
const nullable = <T extends typeof time>(schema: T) => Type.Union([schema, Type.Null()])
const id = Type.String({ format: 'uuid' })

/** The export: one member for each table with personal data of the user. */
export const PersonalData = Type.Object(
  {
    exportedAt: time,
    user: Type.Object({
      ...UserShape.properties,
      acceptedTermsVersion: nullable(Type.String()),
      disabledAt: nullable(time),
      updatedAt: time
    }),
    formerAddresses: Type.Array(Type.Object({ email: Type.String(), until: time }), {
      description: 'Email addresses that the account had before'
    }),
    waitingRegistrations: Type.Array(Type.Object({ email: Type.String(), createdAt: time, expiresAt: time }), {
      description:
        'Registrations with an address of the account that are not verified yet. Name and password are not included, ' +
        'because another person may have sent them'
    }),
    sessions: Type.Array(
      Type.Object({
        id,
        remembered: Type.Boolean(),
        ipAddress: Type.String(),
        userAgent: Type.String(),
        createdAt: time,
        lastUsedAt: time,
        expiresAt: time,
        endedAt: nullable(time),
        endReason: nullable(Type.String())
      }),
      { description: 'Live and ended sessions, until they are purged' }
    ),
    pendingLinks: Type.Array(
      Type.Object({ purpose: Type.String(), email: nullable(Type.String()), createdAt: time, expiresAt: time }),
      { description: 'Mailed links that were not opened yet' }
    ),
    mails: Type.Array(
      Type.Object({
        kind: Type.String(),
        recipient: Type.String(),
        createdAt: time,
        sentAt: nullable(time)
      }),
      { description: 'Emails about the account or to one of its addresses; kept for a week' }
    ),
    securityEvents: Type.Array(
      Type.Object({
        id,
        at: time,
        kind: Type.Ref(AuditKindShape),
        outcome: AuditOutcomeShape,
        sessionId: nullable(id),
        requestId: nullable(id),
        ipAddress: Type.String(),
        userAgent: Type.String(),
        details: Type.Record(Type.String(), Type.String())
      })
    ),
    administrativeActs: Type.Array(
      Type.Object({
        id,
        at: time,
        kind: Type.String(),
        outcome: Type.String(),
        requestId: nullable(id),
        ipAddress: Type.String(),
        userAgent: Type.String()
      }),
      { description: 'What this user did to other accounts as an administrator, without the users concerned' }
    )
  },
  {
    additionalProperties: false,
    examples: [
      {
        exportedAt: '2026-11-21T09:15:00.000Z',
        user: {
          ...UserShape.examples?.[0],
          acceptedTermsVersion: null,
          disabledAt: null,
          updatedAt: '2026-11-21T09:00:00.000Z'
        },
        formerAddresses: [],
        waitingRegistrations: [],
        sessions: [],
        pendingLinks: [],
        mails: [],
        securityEvents: [],
        administrativeActs: []
      }
    ]
  }
)
/** The export of an account, as `PersonalData` describes it. */
export type PersonalData = Static<typeof PersonalData>
