/**
 * Decides what a mail turns out to be: only here, long after the answer, does it matter whose address it goes to.
 *
 * The handlers write the same row whatever the address, so that nobody learns from them who is known.
 */

import type { Database, Queryable } from '../../db/client.ts'
import { insertMailedToken, isMailedTokenValid, type MailedToken } from '../../db/queries/mailed-tokens.ts'
import { decideMail, isMailOpen, type OutboxMail } from '../../db/queries/outbox.ts'
import { extendRegistration, findRegistrationsByEmail } from '../../db/queries/registrations.ts'
import { findUserByEmail, lockUserByEmail } from '../../db/queries/users.ts'
import { createMailedToken, hashMailedToken } from '../lib/crypto/mailed-token.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'
import { type MailKind, sealMailToken, unsealMailToken } from '../lib/mail/outbox-mail.ts'
import type { SentKind } from './templates.ts'

/** A mail that knows what it is. */
export type ResolvedMail = OutboxMail & { readonly kind: SentKind }

export interface ResolveMailOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly nowMs: () => number
}

/** What a resolver works with, inside one transaction. */
interface Resolving {
  readonly db: Queryable
  readonly box: SealedBox
  readonly now: Date
}

type Resolver = (resolving: Resolving, mail: OutboxMail) => Promise<ResolvedMail | undefined>

/** Kinds that depend on whose the address is. */
const RESOLVERS: Readonly<Partial<Record<MailKind, Resolver>>> = {
  registration,
  'verification-requested': verificationRequested,
  'reset-requested': resetRequested,
  'change-email': changeEmail,
  'account-attacked': accountAttacked
}

/** @returns `undefined` where nothing is to be sent */
export async function resolveMail(options: ResolveMailOptions, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const resolve = RESOLVERS[mail.kind as MailKind]
  if (resolve === undefined) return { ...mail, kind: mail.kind as SentKind }
  const { box, nowMs } = options
  return options.database.transaction(db => resolve({ db, box, now: new Date(nowMs()) }, mail))
}

/**
 * The owner of the address is told; where there is none, the link is sent.
 *
 * Security: the registration stays until it expires, whosever the address is. Were it deleted, a login with its password
 * would tell who is known; it can activate nothing, because the address is taken and its link was never mailed.
 */
async function registration({ db }: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const owner = await findUserByEmail(db, mail.recipient)
  return owner === undefined ? { ...mail, kind: 'verify-email' } : alreadyRegistered(mail)
}

/**
 * Each state of an address has a way out of it. An account that cannot be verified once more is told how to sign in:
 * its owner may have registered twice and hold the link or the password of the other registration.
 *
 * Security: a link is only sent where there is no doubt what it activates. Of several registrations that wait for one
 * address any may be somebody else's, the newest one as well as the oldest, and the click of the address's owner
 * would put that person's password into force. So the owner is asked to register once more instead. Registrations that
 * have expired count as well: the one that is left may be the stranger's.
 */
async function verificationRequested(resolving: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const { db } = resolving
  const user = await lockUserByEmail(db, mail.recipient)
  if (user !== undefined) {
    // The link of a disabled account would not open.
    if (user.emailVerified || user.disabledAt !== null) return alreadyRegistered(mail)
    return withLink(resolving, mail, { kind: 'verify-email', purpose: 'verify-email', userId: user.id })
  }
  const [only, ...others] = await findRegistrationsByEmail(db, mail.recipient)
  if (only === undefined) return undefined
  if (others.length > 0) return { ...mail, kind: 'register-again' }
  await extendRegistration(db, only.id, mail.expiresAt)
  return withLink(resolving, mail, { kind: 'verify-email', purpose: 'verify-email', registrationId: only.id })
}

/** A disabled account gets no link: a new password would let nobody in. */
async function resetRequested(resolving: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const user = await lockUserByEmail(resolving.db, mail.recipient)
  if (user === undefined || user.disabledAt !== null) return undefined
  const purpose = 'reset-password'
  return withLink(resolving, mail, { kind: purpose, purpose, userId: user.id })
}

/**
 * The owner of an address that is taken is told, as with a registration; a link that is void already is not sent.
 *
 * Security: the token stays, although it is not mailed: whoever asked would see in an export that it is gone.
 */
async function changeEmail({ db, box, now }: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  if (mail.sealedToken === null) return undefined
  const tokenHash = hashMailedToken(unsealMailToken(box, { id: mail.id, sealedToken: mail.sealedToken }))
  const owner = await findUserByEmail(db, mail.recipient)
  if (owner === undefined)
    return (await isMailedTokenValid(db, tokenHash, now)) ? { ...mail, kind: 'change-email' } : undefined
  return alreadyRegistered(mail)
}

/** The guard counts unknown accounts like known ones; only an account has an owner to be told. */
async function accountAttacked({ db }: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const user = await findUserByEmail(db, mail.recipient)
  return user && { ...mail, kind: 'account-attacked' }
}

function alreadyRegistered(mail: OutboxMail): ResolvedMail {
  return { ...mail, kind: 'already-registered', sealedToken: null }
}

interface Link {
  readonly kind: 'verify-email' | 'reset-password'
  readonly purpose: MailedToken['purpose']
  readonly userId?: string
  readonly registrationId?: string
}

/**
 * Token and decision are written together, so that every further attempt sends the same link.
 *
 * Security: none is made where the request was voided after this worker had claimed it. The user is held until both are
 * written, so that a later end of the account's standing finds the token.
 */
async function withLink({ db, box, now }: Resolving, mail: OutboxMail, link: Link): Promise<ResolvedMail | undefined> {
  if (!(await isMailOpen(db, mail.id))) return undefined
  const { kind, ...target } = link
  const { token, hash } = createMailedToken()
  await insertMailedToken(db, { tokenHash: hash, ...target, createdAt: now, expiresAt: mail.expiresAt })
  const sealedToken = sealMailToken(box, mail.id, token)
  const decided = await decideMail(db, mail, { kind, userId: link.userId ?? null, parameters: {}, sealedToken })
  if (decided === undefined) throw new Error(`another worker has decided about mail ${mail.id} meanwhile`)
  return { ...decided, kind }
}
