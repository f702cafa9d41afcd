/** Registers accounts. Depending on the configuration, the account exists at once or after a mailed link was opened. */

import type { Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertMailedToken } from '../../../db/queries/mailed-tokens.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { insertRegistration } from '../../../db/queries/registrations.ts'
import { insertUser, type User } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { createId } from '../../lib/crypto/ids.ts'
import { createMailedToken } from '../../lib/crypto/mailed-token.ts'
import { checkEmail, checkName, checkNewPassword, invalidMember } from '../../lib/http/checked-member.ts'
import { secondsAfter } from '../../lib/lifetimes.ts'
import { outboxMail } from '../../lib/mail/outbox-mail.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { AccountsOptions } from './options.ts'

interface Registration {
  readonly email: string
  readonly password: string
  readonly name: string
  readonly acceptedTermsVersion?: string
}

/** `pending`: an email was queued, with a link or with a notice to the owner of an account. No client learns which. */
export type Registered = { readonly pending: true } | { readonly pending: false; readonly user: User }

/** A registration that the policies accept. The compiler does not take an unchecked body for one. */
export interface CheckedRegistration {
  readonly email: string
  readonly password: string
  readonly name: string
  /** Null if the service has no terms. */
  readonly acceptedTermsVersion: string | null
}

/** Creates the rule that checks a registration against every policy. It hashes nothing and reads no database. */
export function createCheckRegistration({ passwordPolicy, termsVersion }: AccountsOptions) {
  return (registration: Registration): Result<CheckedRegistration> => {
    const email = checkEmail(registration.email)
    if (!email.ok) return email
    const name = checkName(registration.name)
    if (!name.ok) return name
    const owner = { email: email.value, name: name.value }
    const password = checkNewPassword(passwordPolicy, registration.password, owner)
    if (!password.ok) return password
    if (registration.acceptedTermsVersion !== termsVersion) return unacceptedTerms(termsVersion)
    return success({ ...owner, password: password.value, acceptedTermsVersion: termsVersion ?? null })
  }
}

/** Without terms, the member is refused like any other unknown member. */
function unacceptedTerms(required: string | undefined) {
  const detail = required === undefined ? 'is not known here' : `must be "${required}", the terms that are in force`
  return invalidMember('/acceptedTermsVersion', [detail])
}

/** The part of a registration that is stored. */
type NewAccount = Omit<CheckedRegistration, 'password'> & { readonly passwordHash: string }

/** Creates the rule that registers a checked registration. */
export function createRegister(options: AccountsOptions) {
  const { hasher, emailVerification } = options
  return async ({ password, ...checked }: CheckedRegistration, client: Client): Promise<Result<Registered>> => {
    const account = { ...checked, passwordHash: await hasher.hash(password) }
    return emailVerification === 'required'
      ? requestLink(options, account, client)
      : createAccount(options, account, client)
  }
}

/**
 * Queues the email with the link.
 *
 * Security: the statements are the same whether the address has an account or not. The mail worker looks that up, long
 * after the answer.
 */
async function requestLink(options: AccountsOptions, account: NewAccount, client: Client): Promise<Result<Registered>> {
  const { database, audit, nowMs } = options
  const createdMs = nowMs()
  const registrationId = createId(createdMs)
  const link = { kind: 'registration', recipient: account.email, target: { registrationId }, createdMs } as const
  await database.transaction(async db => {
    await insertRegistration(db, { id: registrationId, ...account, ...linkTimes(options, createdMs) })
    await mailLink(options, db, link)
    await insertAuditEvent(db, audit.event({ kind: 'registration-requested', client, atMs: createdMs }))
  })
  options.wakeMail()
  return success({ pending: true })
}

/** Creates the account at once, if verification is optional. The link only marks its address as verified. */
async function createAccount(
  options: AccountsOptions,
  account: NewAccount,
  client: Client
): Promise<Result<Registered>> {
  const { database, audit, nowMs } = options
  const createdMs = nowMs()
  const createdAt = new Date(createdMs)
  const id = createId(createdMs)
  const row = { id, ...account, emailVerified: false, sealedAuditKey: audit.createKey(id), createdAt }
  const link = { kind: 'verify-email', recipient: account.email, target: { userId: id }, createdMs } as const
  const user = await database.transaction(async db => {
    const created = await insertUser(db, { ...row, updatedAt: createdAt })
    if (created === undefined) return undefined
    await mailLink(options, db, link)
    await insertAuditEvent(db, audit.event({ kind: 'account-created', client, atMs: createdMs, person: created }))
    return created
  })
  if (user === undefined) return failure('email-taken', 'the email address already has an account')
  options.wakeMail()
  return success({ pending: false, user })
}

interface VerificationLink {
  readonly kind: 'registration' | 'verify-email'
  readonly recipient: string
  readonly target: { readonly registrationId: string } | { readonly userId: string }
  readonly createdMs: number
}

async function mailLink(options: AccountsOptions, db: Queryable, link: VerificationLink): Promise<void> {
  const { kind, recipient, target, createdMs } = link
  const { token, hash } = createMailedToken()
  const times = linkTimes(options, createdMs)
  await insertMailedToken(db, { tokenHash: hash, purpose: 'verify-email', ...target, ...times })
  const owner = 'userId' in target ? target : {}
  const order = { kind, recipient, ...owner, token, expiresAt: times.expiresAt }
  await insertOutboxMail(db, outboxMail(options.box, order, createdMs))
}

function linkTimes({ verificationTtl }: AccountsOptions, createdMs: number) {
  const createdAt = new Date(createdMs)
  return { createdAt, expiresAt: secondsAfter(createdAt, verificationTtl) }
}
