/**
 * Resolves a requested email to the one that is sent, or to none. This depends on the account of its email address.
 *
 * Security: the routes write the same row for every email address, and this runs long after their response. No response
 * reveals, by its content or its time, which addresses have an account.
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

/** An email with its final kind. */
export type ResolvedMail = OutboxMail & { readonly kind: SentKind }

/** The ports of resolving emails. */
export interface ResolveMailOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly nowMs: () => number
}

/** The context of a resolver, inside one transaction. */
interface Resolving {
  readonly db: Queryable
  readonly box: SealedBox
  readonly now: Date
}

type Resolver = (resolving: Resolving, mail: OutboxMail) => Promise<ResolvedMail | undefined>

/** The kinds that depend on the account of the email address. */
const RESOLVERS: Readonly<Partial<Record<MailKind, Resolver>>> = {
  registration,
  'verification-requested': verificationRequested,
  'reset-requested': resetRequested,
  'change-email': changeEmail,
  'account-attacked': accountAttacked
}

/**
 * Resolves an email.
 *
 * @returns `undefined` if nothing is to be sent
 */
export async function resolveMail(options: ResolveMailOptions, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const resolve = RESOLVERS[mail.kind as MailKind]
  if (resolve === undefined) return { ...mail, kind: mail.kind as SentKind }
  const { box, nowMs } = options
  return options.database.transaction(db => resolve({ db, box, now: new Date(nowMs()) }, mail))
}

/**
 * Sends the link, or notifies the owner if the email address already has an account.
 *
 * Security: the registration stays until it expires in both cases. If it were deleted, a login with its password would
 * reveal that the address has an account. It can activate nothing: the address is taken, and its link was never sent.
 */
async function registration({ db }: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const owner = await findUserByEmail(db, mail.recipient)
  return owner === undefined ? { ...mail, kind: 'verify-email' } : alreadyRegistered(mail)
}

/**
 * Sends the email that helps in the state of the email address. The owner of an account that cannot be verified again is
 * reminded how to sign in: there may have been two registrations, with a link and a password each.
 *
 * Security: a link is sent only if there is a single account or registration that it can activate. Of several registrations
 * that wait for one email address, any may be an attacker's, the newest as well as the oldest. By opening its link, the owner
 * of the address would put the attacker's password into force. The owner is therefore asked to register again. Expired
 * registrations count as well: the only one that is still valid may be the attacker's.
 */
async function verificationRequested(resolving: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const { db } = resolving
  const user = await lockUserByEmail(db, mail.recipient)
  if (user !== undefined) {
    // The link of a disabled account does not work.
    if (user.emailVerified || user.disabledAt !== null) return alreadyRegistered(mail)
    return withLink(resolving, mail, { kind: 'verify-email', purpose: 'verify-email', userId: user.id })
  }
  const [only, ...others] = await findRegistrationsByEmail(db, mail.recipient)
  if (only === undefined) return undefined
  if (others.length > 0) return { ...mail, kind: 'register-again' }
  await extendRegistration(db, only.id, mail.expiresAt)
  return withLink(resolving, mail, { kind: 'verify-email', purpose: 'verify-email', registrationId: only.id })
}

/** A disabled account gets no link: a new password would not enable it. */
async function resetRequested(resolving: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  const user = await lockUserByEmail(resolving.db, mail.recipient)
  if (user === undefined || user.disabledAt !== null) return undefined
  const purpose = 'reset-password'
  return withLink(resolving, mail, { kind: purpose, purpose, userId: user.id })
}

/**
 * Sends the link, or notifies the owner if the email address already has an account. A link that is void already is not sent.
 *
 * Security: an unsent token stays in the database. If it were deleted, the requesting user would learn from an export that
 * the address has an account.
 */
async function changeEmail({ db, box, now }: Resolving, mail: OutboxMail): Promise<ResolvedMail | undefined> {
  if (mail.sealedToken === null) return undefined
  const tokenHash = hashMailedToken(unsealMailToken(box, { id: mail.id, sealedToken: mail.sealedToken }))
  const owner = await findUserByEmail(db, mail.recipient)
  if (owner === undefined)
    return (await isMailedTokenValid(db, tokenHash, now)) ? { ...mail, kind: 'change-email' } : undefined
  return alreadyRegistered(mail)
}

/** The login guard counts every email address alike, but only an account has an owner to notify. */
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
 * Creates a token and writes it together with the decision, so that every further attempt sends the same link.
 *
 * Security: no token is created if the request was voided after this worker had claimed it. The callers lock the user until
 * both are written, so that a later change of the account's status finds the token and voids it.
 */
async function withLink({ db, box, now }: Resolving, mail: OutboxMail, link: Link): Promise<ResolvedMail | undefined> {
  if (!(await isMailOpen(db, mail.id))) return undefined
  const { kind, ...target } = link
  const { token, hash } = createMailedToken()
  await insertMailedToken(db, { tokenHash: hash, ...target, createdAt: now, expiresAt: mail.expiresAt })
  const sealedToken = sealMailToken(box, mail.id, token)
  const decided = await decideMail(db, mail, { kind, userId: link.userId ?? null, parameters: {}, sealedToken })
  if (decided === undefined) throw new Error(`another worker has resolved the email ${mail.id} at the same time`)
  return { ...decided, kind }
}
