/** The rules of accounts: registration and profile. */

import type { Database, Queryable } from '../../../db/client.ts'
import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { insertMailedToken, insertRegistration } from '../../../db/queries/registrations.ts'
import { findUser, insertUser, renameUser, type User } from '../../../db/queries/users.ts'
import type { AuditRows } from '../../lib/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { parseEmailAddress } from '../../lib/email-address.ts'
import { createId } from '../../lib/ids.ts'
import { createMailedToken } from '../../lib/mailed-token.ts'
import { outboxMail } from '../../lib/outbox-mail.ts'
import type { PasswordHasher } from '../../lib/password-hash.ts'
import { type PasswordPolicy, passwordFaults } from '../../lib/password-policy.ts'
import { parsePersonName } from '../../lib/person-name.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { SealedBox } from '../../lib/sealed-box.ts'

export interface AccountsOptions {
  readonly database: Database
  readonly hasher: PasswordHasher
  readonly box: SealedBox
  readonly audit: AuditRows
  readonly passwordPolicy: PasswordPolicy
  readonly emailVerification: 'required' | 'optional'
  /** How long a mailed verification link is good, in seconds. */
  readonly verificationTtl: number
  readonly nowMs: () => number
  readonly wakeMail: () => void
}

export interface Registration {
  readonly email: string
  readonly password: string
  readonly name: string
}

/** `pending`: a link was mailed, or the owner of the address was told. Nobody learns which. */
export type Registered = { readonly pending: true } | { readonly pending: false; readonly user: User }

/** A registration whose every member was checked. */
interface Account {
  readonly email: string
  readonly name: string
  readonly passwordHash: string
}

/** What an attacker tries first. */
const PRODUCT_NAMES = ['gatehouse']

export type AccountsService = ReturnType<typeof createAccountsService>

export function createAccountsService(options: AccountsOptions) {
  const { database, hasher, box, audit, nowMs } = options

  /** Checks a registration against every policy, without work and without looking anything up. */
  function check(registration: Registration): Result<Registration> {
    const email = parseEmailAddress(registration.email)
    if (email === undefined) return malformed('/email', ['must be a plain mail address'])
    const name = parsePersonName(registration.name)
    if (name === undefined) return malformed('/name', [NAME_RULE])
    const avoid = [email, email.slice(0, email.lastIndexOf('@')), ...PRODUCT_NAMES]
    const faults = passwordFaults(options.passwordPolicy, registration.password, avoid)
    if (faults.length > 0) return malformed('/password', faults)
    return success({ email, name, password: registration.password })
  }

  async function register(registration: Registration, client: Client): Promise<Result<Registered>> {
    const checked = check(registration)
    if (!checked.ok) return checked
    const { email, name, password } = checked.value
    const account = { email, name, passwordHash: await hasher.hash(password) }
    return options.emailVerification === 'required' ? requestLink(account, client) : create(account, client)
  }

  /**
   * Security: the same statements whether the address is known or not. Whose it is decides what the mail worker
   * sends, long after this answer.
   */
  async function requestLink(account: Account, client: Client): Promise<Result<Registered>> {
    const createdMs = nowMs()
    const registrationId = createId(createdMs)
    const times = linkTimes(createdMs)
    await database.transaction(async db => {
      await insertRegistration(db, { id: registrationId, ...account, ...times })
      await mailLink(db, 'registration', account, { registrationId }, createdMs)
      await insertAuditEvent(db, audit.event('registration-requested', 'success', client, createdMs))
    })
    options.wakeMail()
    return success({ pending: true })
  }

  /** Where verification is optional: the account is there at once, and the link only marks it as verified. */
  async function create(account: Account, client: Client): Promise<Result<Registered>> {
    const createdMs = nowMs()
    const createdAt = new Date(createdMs)
    const user = await database.transaction(async db => {
      const id = createId(createdMs)
      const row = {
        id,
        ...account,
        emailVerified: false,
        sealedAuditKey: audit.createKey(id),
        createdAt,
        updatedAt: createdAt
      }
      const created = await insertUser(db, row)
      if (created === undefined) return undefined
      await mailLink(db, 'verify-email', account, { userId: created.id }, createdMs)
      await insertAuditEvent(db, audit.event('account-created', 'success', client, createdMs, { person: created }))
      return created
    })
    if (user === undefined) return failure('email-taken', 'the address belongs to somebody')
    options.wakeMail()
    return success({ pending: false, user })
  }

  async function mailLink(
    db: Queryable,
    kind: 'registration' | 'verify-email',
    account: Account,
    target: { registrationId: string } | { userId: string },
    createdMs: number
  ): Promise<void> {
    const { token, hash } = createMailedToken()
    const times = linkTimes(createdMs)
    await insertMailedToken(db, { tokenHash: hash, purpose: 'verify-email', ...target, ...times })
    const order = { kind, recipient: account.email, name: account.name, token, expiresAt: times.expiresAt }
    await insertOutboxMail(db, outboxMail(box, order, createdMs))
  }

  function linkTimes(createdMs: number) {
    return { createdAt: new Date(createdMs), expiresAt: new Date(createdMs + options.verificationTtl * 1000) }
  }

  async function read(userId: string): Promise<Result<User>> {
    const user = await database.run(db => findUser(db, userId))
    return user ? success(user) : failure('session-ended', 'the user of the token is gone')
  }

  async function rename(userId: string, unverifiedName: string, client: Client): Promise<Result<User>> {
    const name = parsePersonName(unverifiedName)
    if (name === undefined) return malformed('/name', [NAME_RULE])
    const changedMs = nowMs()
    const user = await database.transaction(async db => {
      const renamed = await renameUser(db, userId, name, new Date(changedMs))
      if (renamed)
        await insertAuditEvent(db, audit.event('profile-changed', 'success', client, changedMs, { person: renamed }))
      return renamed
    })
    return user ? success(user) : failure('session-ended', 'the user of the token is gone')
  }

  return { check, register, read, rename }
}

const NAME_RULE = 'must be 1 to 100 characters that can be shown on one line'

function malformed(pointer: string, details: readonly string[]) {
  return failure('invalid-request', `${pointer} violates a policy`, {
    errors: details.map(detail => ({ pointer, detail }))
  })
}
