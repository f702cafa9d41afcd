/** The rules of mailed links: what opening one makes true. */

import type { Database, Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import {
  deleteRegistrationsOf,
  findRegistration,
  lockRegistrationsBehind,
  type MailedToken,
  takeMailedToken
} from '../../../db/queries/registrations.ts'
import { insertUser, markEmailVerified, type User } from '../../../db/queries/users.ts'
import type { AuditRows } from '../../lib/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { createId } from '../../lib/ids.ts'
import { hashMailedToken } from '../../lib/mailed-token.ts'
import { failure, type Result, success } from '../../lib/result.ts'

export interface VerificationOptions {
  readonly database: Database
  readonly audit: AuditRows
  readonly nowMs: () => number
}

export type VerificationService = ReturnType<typeof createVerificationService>

export function createVerificationService({ database, audit, nowMs }: VerificationOptions) {
  async function verifyEmail(token: string, client: Client): Promise<Result<undefined>> {
    const verifiedMs = nowMs()
    const verified = await database.transaction(async db => {
      await lockRegistrationsBehind(db, hashMailedToken(token))
      const mailed = await takeMailedToken(db, hashMailedToken(token), 'verify-email', new Date(verifiedMs))
      const person = mailed && (await activate(db, audit, mailed, new Date(verifiedMs)))
      if (person) await insertAuditEvent(db, audit.event('email-verified', 'success', client, verifiedMs, { person }))
      return person !== undefined
    })
    return verified ? success(undefined) : failure('link-expired', 'the mailed token is unknown, used or expired')
  }

  return { verifyEmail }
}

/** @returns the user whose address is verified now, or `undefined` where the address has become somebody else's */
async function activate(db: Queryable, audit: AuditRows, mailed: MailedToken, now: Date): Promise<User | undefined> {
  if (mailed.userId !== null) return markEmailVerified(db, mailed.userId, now)
  const registration = await findRegistration(db, mailed.registrationId ?? '')
  if (registration === undefined) return undefined
  const { email, name, passwordHash, acceptedTermsVersion } = registration
  const id = createId(now.getTime())
  const user = await insertUser(db, {
    id,
    email,
    name,
    passwordHash,
    acceptedTermsVersion,
    emailVerified: true,
    sealedAuditKey: audit.createKey(id),
    createdAt: now,
    updatedAt: now
  })
  // Other registrations of this address, whoever began them, are void from now on.
  await deleteRegistrationsOf(db, email)
  return user
}
