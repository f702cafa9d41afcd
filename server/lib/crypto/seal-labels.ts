/** The labels of sealed keys. A value can be unsealed only under its own label, so each label is spelled once. */

/** The label of the private part of a signing key. */
export function signingKeyLabel(kid: string): string {
  return `signing-key:${kid}`
}

/** The label of the key under which the audit log encrypts the personal fields of a user. */
export function auditKeyLabel(userId: string): string {
  return `audit-key:${userId}`
}
