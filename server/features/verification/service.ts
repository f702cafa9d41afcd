/** The rules of mailed links: what opening one makes true. */

import type { Database, Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import {
  deleteRegistrationsOf,
  findRegistration,
  type MailedToken,
  takeMailedToken
} from '../../../db/queries/registrations.ts'
import { insertUser, markEmailVerified } from '../../../db/queries/users.ts'
import { auditEvent } from '../../lib/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { createId } from '../../lib/ids.ts'
import { hashMailedToken } from '../../lib/mailed-token.ts'
import { failure, type Result, success } from '../../lib/result.ts'

export interface VerificationOptions {
  readonly database: Database
  readonly nowMs: () => number
}

export type VerificationService = ReturnType<typeof createVerificationService>

export function createVerificationService({ database, nowMs }: VerificationOptions) {
  async function verifyEmail(token: string, client: Client): Promise<Result<undefined>> {
    const verifiedMs = nowMs()
    const userId = await database.transaction(async db => {
      const mailed = await takeMailedToken(db, hashMailedToken(token), 'verify-email', new Date(verifiedMs))
      const id = mailed && (await activate(db, mailed, new Date(verifiedMs)))
      if (id) await insertAuditEvent(db, auditEvent('email-verified', 'success', client, verifiedMs, { userId: id }))
      return id
    })
    return userId ? success(undefined) : failure('link-expired', 'the mailed token is unknown, used or expired')
  }

  return { verifyEmail }
}

/** @returns the user whose address is verified now, or `undefined` where the address has become somebody else's */
async function activate(db: Queryable, mailed: MailedToken, now: Date): Promise<string | undefined> {
  if (mailed.userId !== null) {
    await markEmailVerified(db, mailed.userId, now)
    return mailed.userId
  }
  const registration = await findRegistration(db, mailed.registrationId ?? '')
  if (registration === undefined) return undefined
  const { email, name, passwordHash } = registration
  const id = createId(now.getTime())
  const user = await insertUser(db, {
    id,
    email,
    name,
    passwordHash,
    emailVerified: true,
    createdAt: now,
    updatedAt: now
  })
  // Other registrations of this address, whoever began them, are void from now on.
  await deleteRegistrationsOf(db, email)
  return user?.id
}
