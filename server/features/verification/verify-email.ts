/** Applies a mailed link: it creates the account, verifies its email address, or changes the address to the new one. */

import { brokenConstraint, type Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import {
  consumeMailedToken,
  lockRegistrationsOfMailedToken,
  lockUserOfMailedToken,
  type MailedToken
} from '../../../db/queries/mailed-tokens.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { deleteRegistration, findRegistration } from '../../../db/queries/registrations.ts'
import { changeUserEmail, findUser, insertUser, markEmailVerified, type User } from '../../../db/queries/users.ts'
import { voidLinksOf } from '../../../db/queries/void-links.ts'
import { unblockOwner } from '../../guard/unblock-owner.ts'
import type { Client } from '../../lib/client.ts'
import { createId } from '../../lib/crypto/ids.ts'
import { hashMailedToken } from '../../lib/crypto/mailed-token.ts'
import { noticeMail } from '../../lib/mail/outbox-mail.ts'
import { type Result, success } from '../../lib/result.ts'
import { LINK_EXPIRED } from '../../lib/users/link-expired.ts'
import type { VerificationOptions } from './options.ts'

interface PresentedLink {
  readonly token: string
  /** The marks that the device presented. */
  readonly presentedMarks: readonly string[]
}

interface VerifiedEmail {
  /** The address of an account was verified, or changed to the one that the link was mailed to. */
  readonly outcome: 'verified' | 'changed'
  /** The new mark of the device. */
  readonly deviceMark: string
}

/** The transaction, the client and the time of a rule that applies a link. */
interface Opening {
  readonly db: Queryable
  readonly client: Client
  readonly atMs: number
}

interface AppliedLink {
  readonly outcome: VerifiedEmail['outcome']
  /** The email address that the account has now. */
  readonly email: string
}

/** Creates the rule. It locks in the one order of all rules: registrations, then the user, then the token. */
export function createVerifyEmail(options: VerificationOptions) {
  return async ({ token, presentedMarks }: PresentedLink, client: Client): Promise<Result<VerifiedEmail>> => {
    const tokenHash = hashMailedToken(token)
    const atMs = options.nowMs()
    try {
      const applied = await options.database.transaction(async db => {
        await lockRegistrationsOfMailedToken(db, tokenHash)
        await lockUserOfMailedToken(db, tokenHash)
        const mailed = await consumeMailedToken(db, tokenHash, ['verify-email', 'change-email'], new Date(atMs))
        return mailed && applyLink(options, mailed, { db, client, atMs })
      })
      if (applied === undefined) return LINK_EXPIRED
      const { outcome, email } = applied
      if (outcome === 'changed') options.wakeMail()
      return success({ outcome, deviceMark: await unblockOwner(options, { email, presentedMarks }, client) })
    } catch (error) {
      // Another account has got the new address since the link was mailed.
      if (brokenConstraint(error) === 'users_email_key') return LINK_EXPIRED
      throw error
    }
  }
}

async function applyLink(
  options: VerificationOptions,
  mailed: MailedToken,
  opening: Opening
): Promise<AppliedLink | undefined> {
  const { userId, registrationId, purpose, email } = mailed
  if (purpose === 'change-email' && userId !== null && email !== null) {
    return replaceAddress(options, { userId, email }, opening)
  }
  const { db, client, atMs } = opening
  const user =
    userId === null
      ? await activate(options, registrationId ?? '', opening)
      : await markEmailVerified(db, userId, new Date(atMs))
  if (user === undefined) return undefined
  await insertAuditEvent(db, options.audit.event({ kind: 'email-verified', client, atMs, person: user }))
  return { outcome: 'verified', email: user.email }
}

/** @returns the new user, or `undefined` where another account has got the address meanwhile */
async function activate(
  { audit }: VerificationOptions,
  registrationId: string,
  { db, client, atMs }: Opening
): Promise<User | undefined> {
  const registration = await findRegistration(db, registrationId)
  if (registration === undefined) return undefined
  const { email, name, passwordHash, acceptedTermsVersion } = registration
  const id = createId(atMs)
  const now = new Date(atMs)
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
  // Security: other registrations of this address stay until they expire, although they can activate nothing any more.
  // Without them a login with one of their passwords would show that the address was confirmed.
  await deleteRegistration(db, registrationId)
  if (user) await insertAuditEvent(db, audit.event({ kind: 'account-created', client, atMs, person: user }))
  return user
}

/** Security: voids the links that went to the old address. A reader of that mailbox must not set a password. */
async function replaceAddress(
  { audit, box }: VerificationOptions,
  { userId, email }: { readonly userId: string; readonly email: string },
  { db, client, atMs }: Opening
): Promise<AppliedLink | undefined> {
  const before = await findUser(db, userId)
  if (before === undefined) return undefined
  const now = new Date(atMs)
  await changeUserEmail(db, before, { email, now, formerId: createId(atMs) })
  await voidLinksOf(db, userId, now)
  const subject = { person: before, details: { from: before.email, to: email } }
  await insertAuditEvent(db, audit.event({ kind: 'email-changed', client, atMs, ...subject }))
  await insertOutboxMail(db, noticeMail(box, 'email-changed', before, atMs))
  return { outcome: 'changed', email }
}
