/** Registers accounts: checked first, then either a link is mailed or the account is there at once. */

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

export interface Registration {
  readonly email: string
  readonly password: string
  readonly name: string
  readonly acceptedTermsVersion?: string
}

/** `pending`: a link was mailed, or the owner of the address was told. Nobody learns which. */
export type Registered = { readonly pending: true } | { readonly pending: false; readonly user: User }

/** A registration whose every member was checked. */
interface Account {
  readonly email: string
  readonly name: string
  readonly passwordHash: string
  readonly acceptedTermsVersion: string | null
}

/** Checks a registration against every policy, without work and without looking anything up. */
export function checkRegistration(options: AccountsOptions, registration: Registration): Result<Registration> {
  const { acceptedTermsVersion } = registration
  const email = checkEmail(registration.email)
  if (!email.ok) return email
  const name = checkName(registration.name)
  if (!name.ok) return name
  const password = checkNewPassword(options.passwordPolicy, registration.password, {
    email: email.value,
    name: name.value
  })
  if (!password.ok) return password
  if (acceptedTermsVersion !== options.termsVersion) return unacceptedTerms(options.termsVersion)
  const terms = acceptedTermsVersion === undefined ? {} : { acceptedTermsVersion }
  return success({ email: email.value, name: name.value, password: password.value, ...terms })
}

/** Where there are no terms, nobody can have accepted any: the member is unknown like every other one. */
function unacceptedTerms(required: string | undefined) {
  const detail = required === undefined ? 'is not known here' : `must be "${required}", the terms that are in force`
  return invalidMember('/acceptedTermsVersion', [detail])
}

export async function register(
  options: AccountsOptions,
  registration: Registration,
  client: Client
): Promise<Result<Registered>> {
  const checked = checkRegistration(options, registration)
  if (!checked.ok) return checked
  const { email, name, password, acceptedTermsVersion = null } = checked.value
  const account = { email, name, passwordHash: await options.hasher.hash(password), acceptedTermsVersion }
  return options.emailVerification === 'required'
    ? requestLink(options, account, client)
    : create(options, account, client)
}

/**
 * Security: the same statements whether the address is known or not. Whose it is decides what the mail worker
 * sends, long after this answer.
 */
async function requestLink(options: AccountsOptions, account: Account, client: Client): Promise<Result<Registered>> {
  const { database, audit, nowMs } = options
  const createdMs = nowMs()
  const registrationId = createId(createdMs)
  await database.transaction(async db => {
    await insertRegistration(db, { id: registrationId, ...account, ...linkTimes(options, createdMs) })
    await mailLink(options, db, 'registration', account, { registrationId }, createdMs)
    await insertAuditEvent(db, audit.event({ kind: 'registration-requested', client, atMs: createdMs }))
  })
  options.wakeMail()
  return success({ pending: true })
}

/** Where verification is optional: the account is there at once, and the link only marks it as verified. */
async function create(options: AccountsOptions, account: Account, client: Client): Promise<Result<Registered>> {
  const { database, audit, nowMs } = options
  const createdMs = nowMs()
  const createdAt = new Date(createdMs)
  const id = createId(createdMs)
  const row = { id, ...account, emailVerified: false, sealedAuditKey: audit.createKey(id), createdAt }
  const user = await database.transaction(async db => {
    const created = await insertUser(db, { ...row, updatedAt: createdAt })
    if (created === undefined) return undefined
    await mailLink(options, db, 'verify-email', account, { userId: created.id }, createdMs)
    await insertAuditEvent(db, audit.event({ kind: 'account-created', client, atMs: createdMs, person: created }))
    return created
  })
  if (user === undefined) return failure('email-taken', 'the address belongs to somebody')
  options.wakeMail()
  return success({ pending: false, user })
}

async function mailLink(
  options: AccountsOptions,
  db: Queryable,
  kind: 'registration' | 'verify-email',
  account: Account,
  target: { registrationId: string } | { userId: string },
  createdMs: number
): Promise<void> {
  const { token, hash } = createMailedToken()
  const times = linkTimes(options, createdMs)
  await insertMailedToken(db, { tokenHash: hash, purpose: 'verify-email', ...target, ...times })
  const owner = 'userId' in target ? target : {}
  const order = { kind, recipient: account.email, ...owner, token, expiresAt: times.expiresAt }
  await insertOutboxMail(db, outboxMail(options.box, order, createdMs))
}

function linkTimes({ verificationTtl }: AccountsOptions, createdMs: number) {
  const createdAt = new Date(createdMs)
  return { createdAt, expiresAt: secondsAfter(createdAt, verificationTtl) }
}
