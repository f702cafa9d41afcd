/** Signs somebody in with an address and a password. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { insertOutboxMail } from '../../../db/queries/outbox.ts'
import { findLoginCandidate, type LoginCandidate, type User, upgradePasswordHash } from '../../../db/queries/users.ts'
import type { LoginAttempt } from '../../guard/login-guard.ts'
import type { AuditKind } from '../../lib/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { parseEmailAddress } from '../../lib/email-address.ts'
import { outboxMail } from '../../lib/outbox-mail.ts'
import { type Failure, failure, type Result, success } from '../../lib/result.ts'
import { begin } from './begin.ts'
import { type BegunSession, NOTICE_TTL, type Presented, type SessionsOptions, secondsAfter } from './options.ts'

export interface Credentials {
  readonly email: string
  readonly password: string
  readonly rememberMe: boolean
  readonly captchaToken?: string
}

/** The one answer to an unknown address, a wrong password and a disabled account. */
const INVALID_CREDENTIALS = failure('invalid-credentials', 'unknown address, wrong password or disabled account')

/** Guard, one query, one bcrypt, guard, and the session: in this order, and the same work whatever the address. */
export async function login(
  options: SessionsOptions,
  credentials: Credentials,
  presented: Presented,
  client: Client
): Promise<Result<BegunSession>> {
  const { database, guard, hasher, deviceMarks, nowMs } = options
  const account = parseEmailAddress(credentials.email)
  if (account === undefined) return malformedAddress()

  const attempt: LoginAttempt = {
    account,
    clientAddress: client.address,
    knownDevice: deviceMarks.knows(presented.deviceMark, account),
    ...(credentials.captchaToken === undefined ? {} : { captchaToken: credentials.captchaToken })
  }
  const admitted = await guard.admit(attempt)
  if (!admitted.ok) return refused(options, client, 'login-blocked', admitted)

  const candidate = await database.run(db => findLoginCandidate(db, account, new Date(nowMs())))
  const { user } = candidate
  const { correct, outdated } = await hasher.check(credentials.password, passwordHashOf(candidate))

  const settled = await guard.settle(attempt, correct)
  if (!settled.answerable) return refused(options, client, 'login-blocked', settled.failure, user)
  if (settled.accountAttacked && user) await tellOfAttack(options, user, client)
  if (!correct) return refused(options, client, 'login-failed', INVALID_CREDENTIALS, user)
  if (user?.disabledAt) return refused(options, client, 'login-disabled', INVALID_CREDENTIALS, user)
  if (user === undefined || (options.emailVerification === 'required' && !user.emailVerified)) {
    return refused(
      options,
      client,
      'login-unverified',
      failure('email-unverified', 'the link was not opened yet'),
      user
    )
  }

  if (outdated) await rehash(options, user, credentials.password, client)
  const tellOfNewDevice = candidate.hasSignedInBefore && !attempt.knownDevice
  return success(await begin(options, { user, remembered: credentials.rememberMe, presented, tellOfNewDevice }, client))
}

/** Where the address is nobody's yet, its newest registration says whether the password is right. */
function passwordHashOf({ user, pendingPasswordHash }: LoginCandidate): string | undefined {
  return user?.passwordHash ?? pendingPasswordHash
}

async function refused(
  { database, audit, nowMs }: SessionsOptions,
  client: Client,
  kind: AuditKind,
  answer: Failure,
  user?: User
): Promise<Failure> {
  const event = audit.event(kind, 'failure', client, nowMs(), user ? { person: user } : {})
  await database.run(db => insertAuditEvent(db, event))
  return answer
}

async function tellOfAttack(options: SessionsOptions, user: User, client: Client): Promise<void> {
  const { database, audit, box, nowMs } = options
  const attackedMs = nowMs()
  const expiresAt = secondsAfter(new Date(attackedMs), NOTICE_TTL)
  const order = { kind: 'account-attacked' as const, recipient: user.email, name: user.name, expiresAt }
  await database.transaction(async db => {
    await insertAuditEvent(db, audit.event('account-attacked', 'failure', client, attackedMs, { person: user }))
    await insertOutboxMail(db, outboxMail(box, order, attackedMs))
  })
  options.wakeMail()
}

/** The password is at hand only now, so a hash that is weaker than today's is replaced now. */
async function rehash(options: SessionsOptions, user: User, password: string, client: Client): Promise<void> {
  const { database, audit, hasher, nowMs } = options
  const hash = await hasher.hash(password)
  await database.transaction(async db => {
    await upgradePasswordHash(db, user.id, user.passwordHash, hash)
    await insertAuditEvent(db, audit.event('password-rehashed', 'success', client, nowMs(), { person: user }))
  })
}

function malformedAddress(): Failure {
  return failure('invalid-request', 'the address is malformed', {
    errors: [{ pointer: '/email', detail: 'must be a plain mail address' }]
  })
}
