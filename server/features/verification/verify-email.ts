/** What opening a link makes true: an account begins, an address is verified, or another one takes its place. */

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
import { welcomeOwner } from '../../guard/proven-mailbox.ts'
import type { Client } from '../../lib/client.ts'
import { createId } from '../../lib/crypto/ids.ts'
import { hashMailedToken } from '../../lib/crypto/mailed-token.ts'
import { noticeMail } from '../../lib/mail/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { VerificationOptions } from './options.ts'

/** What has happened: the address of an account was confirmed, or replaced by another one. */
export type Verified = 'verified' | 'changed'

export interface OpenedLink {
  readonly verified: Verified
  /** The new mark of the device. */
  readonly deviceMark: string
}

const LINK_EXPIRED = failure('link-expired', 'the mailed token is unknown, used or expired, or the address is taken')

/** What a rule knows of the moment in which a link was opened. */
interface Opening {
  readonly db: Queryable
  readonly client: Client
  readonly atMs: number
}

/** What has happened, and to the account of which address. */
interface Opened {
  readonly verified: Verified
  readonly account: string
}

/** Opens a link. Locks come in one order everywhere: registrations, then the user, then the token. */
export async function verifyEmail(
  options: VerificationOptions,
  token: string,
  presentedMarks: readonly string[],
  client: Client
): Promise<Result<OpenedLink>> {
  const tokenHash = hashMailedToken(token)
  const atMs = options.nowMs()
  try {
    const opened = await options.database.transaction(async db => {
      await lockRegistrationsOfMailedToken(db, tokenHash)
      await lockUserOfMailedToken(db, tokenHash)
      const mailed = await consumeMailedToken(db, tokenHash, ['verify-email', 'change-email'], new Date(atMs))
      return mailed && open(options, mailed, { db, client, atMs })
    })
    if (opened === undefined) return LINK_EXPIRED
    const { verified, account } = opened
    if (verified === 'changed') options.wakeMail()
    return success({ verified, deviceMark: await welcomeOwner(options, { account, presentedMarks }, client) })
  } catch (error) {
    // Somebody else has got the new address since the link was mailed.
    if (brokenConstraint(error) === 'users_email_key') return LINK_EXPIRED
    throw error
  }
}

async function open(options: VerificationOptions, mailed: MailedToken, opening: Opening): Promise<Opened | undefined> {
  const { userId, registrationId, purpose, email } = mailed
  if (purpose === 'change-email' && userId !== null && email !== null) {
    return replaceAddress(options, userId, email, opening)
  }
  const { db, client, atMs } = opening
  const user =
    userId === null
      ? await activate(options, registrationId ?? '', opening)
      : await markEmailVerified(db, userId, new Date(atMs))
  if (user === undefined) return undefined
  await insertAuditEvent(db, options.audit.event({ kind: 'email-verified', client, atMs, person: user }))
  return { verified: 'verified', account: user.email }
}

/** @returns the user who begins with this, or `undefined` where the address has become somebody else's */
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
  // Other registrations of this address can activate nothing any more, and expire like all others: were they gone, a
  // login with one of their passwords would tell that somebody has confirmed the address.
  await deleteRegistration(db, registrationId)
  if (user) await insertAuditEvent(db, audit.event({ kind: 'account-created', client, atMs, person: user }))
  return user
}

/** Security: links that went to the old address are void; whoever reads mail there must not set a password. */
async function replaceAddress(
  { audit, box }: VerificationOptions,
  userId: string,
  email: string,
  { db, client, atMs }: Opening
): Promise<Opened | undefined> {
  const before = await findUser(db, userId)
  if (before === undefined) return undefined
  const now = new Date(atMs)
  await changeUserEmail(db, before, { email, now, formerId: createId(atMs) })
  await voidLinksOf(db, userId, now)
  const subject = { person: before, details: { from: before.email, to: email } }
  await insertAuditEvent(db, audit.event({ kind: 'email-changed', client, atMs, ...subject }))
  await insertOutboxMail(db, noticeMail(box, 'email-changed', before, atMs))
  return { verified: 'changed', account: email }
}
