/** The shapes of security events in answers. */

import { Type } from '@sinclair/typebox'
import { AUDIT_KINDS, type AuditKind } from './audit-kinds.ts'

/** The kind of a security event; the OpenAPI document has it once, under its own name. */
export const AuditKindShape = Type.Unsafe<AuditKind>(
  Type.String({ $id: 'AuditKind', enum: [...AUDIT_KINDS], description: 'The kind of a security event' })
)

/** The outcome of a security event. */
export const AuditOutcomeShape = Type.Unsafe<'success' | 'failure'>(Type.String({ enum: ['success', 'failure'] }))
