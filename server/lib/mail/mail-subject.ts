/** Under which name what is counted for an email address, or for an account, stands in Redis. */

import { createHash } from 'node:crypto'

/** Addresses do not belong into Redis: the digest names one only to a reader who knows it already. */
export function mailSubject(subject: string): string {
  return createHash('sha256').update('mail-quota:').update(subject).digest('base64url')
}
