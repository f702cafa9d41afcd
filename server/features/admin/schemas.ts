/** The shapes of administration in requests and answers. */

import { type Static, Type } from '@sinclair/typebox'
import { MAX_TARGET_BYTES } from '../../../edge/contract/http.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import { AuditKindShape, AuditOutcomeShape } from '../../audit/audit-shapes.ts'
import type { UnsealedEvent } from '../../audit/unseal-event.ts'
import { RoleShape, showUser, UserShape } from '../../lib/http/user-shape.ts'

/** Items on a page without a `limit`. */
export const DEFAULT_LIMIT = 50

const PAGE = {
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: 'The `nextCursor` of the previous page' })
  ),
  limit: Type.Optional(
    Type.Integer({
      format: 'int32',
      minimum: 1,
      maximum: 100,
      default: DEFAULT_LIMIT,
      description: 'The number of items on a page'
    })
  )
}

const NEXT_CURSOR = Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page' })

/** The query of the list of users. */
export const UserListQuery = Type.Object(
  {
    search: Type.Optional(
      Type.String({ maxLength: 254, description: 'Each word has to begin a word of the name or the email address' })
    ),
    ...PAGE
  },
  { additionalProperties: false, examples: [{ search: 'ada', limit: 20 }] }
)

/** The id of a user in the path. A malformed id is answered like an unknown one. */
export const AdminUserParams = Type.Object({ id: Type.String({ maxLength: MAX_TARGET_BYTES }) })

/** The members of a user to change. */
export const UserChangeBody = Type.Object(
  { role: Type.Optional(RoleShape), disabled: Type.Optional(Type.Boolean()) },
  // The first example is the default of generated forms, so it must not disable an account.
  {
    additionalProperties: false,
    minProperties: 1,
    examples: [{ disabled: false }, { disabled: true }, { role: 'admin' }]
  }
)

/** A user as administrators see it. */
export const AdminUser = Type.Object(
  { ...UserShape.properties, disabled: Type.Boolean() },
  {
    additionalProperties: false,
    examples: UserShape.examples?.map((user: object) => ({ ...user, disabled: false })) ?? []
  }
)

/** A page of users. */
export const UserPage = Type.Object(
  { users: Type.Array(AdminUser), nextCursor: NEXT_CURSOR },
  { additionalProperties: false, examples: [{ users: AdminUser.examples, nextCursor: null }] }
)

/** The query of the audit log. */
export const EventListQuery = Type.Object(
  {
    user: Type.Optional(Type.String({ maxLength: 64, description: 'The id of the user concerned' })),
    kind: Type.Optional(Type.Ref(AuditKindShape)),
    ...PAGE
  },
  { additionalProperties: false, examples: [{ kind: 'login-failed', limit: 20 }] }
)

const NULLABLE_ID = Type.Union([Type.String({ format: 'uuid' }), Type.Null()])
const NULLABLE_TEXT = Type.Union([Type.String(), Type.Null()])

/** A security event as administrators see it. */
export const EventShape = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    at: Type.String({ format: 'date-time' }),
    kind: Type.Ref(AuditKindShape),
    outcome: AuditOutcomeShape,
    userId: NULLABLE_ID,
    actorId: NULLABLE_ID,
    sessionId: NULLABLE_ID,
    requestId: NULLABLE_ID,
    ipAddress: NULLABLE_TEXT,
    userAgent: NULLABLE_TEXT,
    details: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])
  },
  {
    additionalProperties: false,
    description:
      '`details` is null once the user concerned is deleted; `ipAddress` and `userAgent` are null once the acting user is deleted',
    examples: [
      {
        id: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f61',
        at: '2026-11-21T09:00:00.000Z',
        kind: 'login-succeeded',
        outcome: 'success',
        userId: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f60',
        actorId: null,
        sessionId: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f62',
        requestId: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f63',
        ipAddress: '203.0.113.7',
        userAgent: 'curl/8.5.0',
        details: {}
      }
    ]
  }
)

/** A page of the audit log. */
export const EventPage = Type.Object(
  { events: Type.Array(EventShape), nextCursor: NEXT_CURSOR },
  { additionalProperties: false, examples: [{ events: EventShape.examples, nextCursor: null }] }
)

/** A user as administrators see it, without secrets. */
export function showAdminUser(user: Parameters<typeof showUser>[0] & { disabledAt: Date | null }) {
  return { ...showUser(user), disabled: user.disabledAt !== null }
}

/** An event as administrators see it. Personal data that cannot be decrypted any more is null. */
export function showEvent({ event, personal }: UnsealedEvent): Static<typeof EventShape> {
  const { id, at, kind, outcome, userId, actorId, sessionId, requestId } = event
  return {
    id,
    at: at.toISOString(),
    // The column is text, but only kinds are written to it.
    kind: kind as AuditKind,
    outcome,
    userId,
    actorId,
    sessionId,
    requestId,
    ipAddress: personal.ipAddress ?? null,
    userAgent: personal.userAgent ?? null,
    details: personal.details ?? null
  }
}
