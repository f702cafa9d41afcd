/** The subject of an email address or an account in the quotas for emails. */

import { createHash } from 'node:crypto'

/** A digest, so that Redis holds no email address: it identifies one only to a reader that already knows it. */
export function mailSubject(subject: string): string {
  return createHash('sha256').update('mail-quota:').update(subject).digest('base64url')
}
