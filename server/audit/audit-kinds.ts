/** The kinds of security events, each with its outcome. The rules choose a kind; the outcome follows from it. */

/** The outcome of each kind. */
export const AUDIT_OUTCOMES = {
  'registration-requested': 'success',
  'account-created': 'success',
  'verification-resent': 'success',
  'email-verified': 'success',
  'profile-changed': 'success',
  'email-change-requested': 'success',
  'email-change-cancelled': 'success',
  'email-changed': 'success',
  'password-reset-requested': 'success',
  'password-reset': 'success',
  'password-changed': 'success',
  'password-rehashed': 'success',
  'reauthentication-failed': 'failure',
  'data-exported': 'success',
  'account-deleted': 'success',
  'login-succeeded': 'success',
  'login-failed': 'failure',
  'login-unverified': 'failure',
  'login-blocked': 'failure',
  'login-disabled': 'failure',
  'account-attacked': 'failure',
  'new-device': 'success',
  'logged-out': 'success',
  'session-ended': 'success',
  'sessions-ended': 'success',
  'session-evicted': 'success',
  'refresh-reused': 'failure',
  'role-changed': 'success',
  'account-disabled': 'success',
  'account-enabled': 'success',
  'sessions-ended-by-admin': 'success',
  'audit-read': 'success',
  'users-listed': 'success',
  'key-rotated': 'success',
  'key-removed': 'success'
} as const satisfies Record<string, 'success' | 'failure'>

/** A kind of security event. */
export type AuditKind = keyof typeof AUDIT_OUTCOMES

/** Every kind, for schemas and filters. */
export const AUDIT_KINDS = Object.keys(AUDIT_OUTCOMES) as [AuditKind, ...AuditKind[]]
