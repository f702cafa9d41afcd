/** What sealed keys are labelled with: a value opens only under the label that it was sealed with, so each is spelled once. */

/** Of the private part of a signing key. */
export function signingKeyLabel(kid: string): string {
  return `signing-key:${kid}`
}

/** Of the key that hides what the audit log knows about a person. */
export function auditKeyLabel(userId: string): string {
  return `audit-key:${userId}`
}
