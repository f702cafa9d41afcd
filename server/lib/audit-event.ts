/** Builds the rows of the audit log, so that each of them says the same things in the same places. */

import type { Client } from './client.ts'
import { createId } from './ids.ts'

/** Every kind of security event. */
export type AuditKind =
  | 'registration-requested'
  | 'account-created'
  | 'email-verified'
  | 'profile-changed'
  | 'password-rehashed'
  | 'login-succeeded'
  | 'login-failed'
  | 'login-unverified'
  | 'logged-out'
  | 'refresh-reused'

export interface AuditSubject {
  readonly userId?: string
  readonly sessionId?: string
  readonly details?: Readonly<Record<string, string>>
}

/** A row for `audit_events`. */
export function auditEvent(
  kind: AuditKind,
  outcome: 'success' | 'failure',
  client: Client,
  nowMs: number,
  { userId, sessionId, details = {} }: AuditSubject = {}
) {
  return {
    id: createId(nowMs),
    at: new Date(nowMs),
    kind,
    outcome,
    userId: userId ?? null,
    sessionId: sessionId ?? null,
    ipAddress: client.address,
    userAgent: client.userAgent,
    requestId: client.requestId,
    details
  }
}
