/** Signs somebody in with an address and a password. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { findLoginCandidate, type LoginCandidate } from '../../../db/queries/login-candidate.ts'
import { type User, upgradePasswordHash } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import type { LoginAttempt } from '../../guard/login-guard.ts'
import { notifyOfAttack } from '../../guard/notify-of-attack.ts'
import type { Outcome } from '../../guard/rule.ts'
import type { Client } from '../../lib/client.ts'
import { type Failure, failure, type Result, success } from '../../lib/result.ts'
import { parseEmailAddress } from '../../lib/users/email-address.ts'
import { begin } from './begin.ts'
import { type CheckedCredentials, checkCredentials } from './check-credentials.ts'
import type { BegunSession, Presented, SessionsOptions } from './options.ts'

export interface Credentials {
  readonly email: string
  readonly password: string
  readonly rememberMe: boolean
  readonly captchaToken?: string
}

/** The one answer to an unknown address, a wrong password and a disabled account. */
const INVALID_CREDENTIALS = failure('invalid-credentials', 'unknown address, wrong password or disabled account')

/**
 * Guard, one query, bcrypt, guard, and the session: in this order, and the same work whatever the address.
 *
 * @throws {QueueFullError} before any of it, where there is no room for the bcrypt
 */
export async function login(
  options: SessionsOptions,
  credentials: Credentials,
  presented: Presented,
  client: Client
): Promise<Result<BegunSession>> {
  const account = parseEmailAddress(credentials.email)
  if (account === undefined) return malformedAddress()
  options.hasher.ensureRoom()

  const attempt: LoginAttempt = {
    account,
    clientAddress: client.address,
    knownDevice: presented.deviceMarks.some(mark => options.deviceMarks.knows(mark, account)),
    ...(credentials.captchaToken === undefined ? {} : { captchaToken: credentials.captchaToken })
  }
  const admitted = await options.guard.admit(attempt)
  if (!admitted.ok) return refused(options, client, 'login-blocked', admitted)

  // Again where the stored password has changed under the first try: what was checked may not hold any more.
  for (let tries = 0; tries < 2; tries++) {
    const result = await tryLogin(options, credentials, attempt, presented, client)
    if (result !== undefined) return result
  }
  return refused(options, client, 'login-failed', INVALID_CREDENTIALS)
}

/** @returns `undefined` where the password or the account has changed meanwhile */
async function tryLogin(
  options: SessionsOptions,
  credentials: Credentials,
  attempt: LoginAttempt,
  presented: Presented,
  client: Client
): Promise<Result<BegunSession> | undefined> {
  const { database, guard, nowMs } = options
  const candidate = await database.run(db => findLoginCandidate(db, attempt.account, new Date(nowMs())))
  const { user: known } = candidate
  const { match, outdated } = await checkCredentials(options, candidate, credentials.password)
  const settled = await guard.record(attempt, outcomeOf(match, known))
  // Security: without the account, because an attacker who guesses may have begun the registration.
  const owner = match === 'registration' ? undefined : known
  if (!settled.answerable) return refused(options, client, 'login-blocked', settled.failure, owner)
  if (settled.accountAttacked) await notifyOfAttack(options, attempt.account, known, client)
  if (match === 'registration') return refused(options, client, 'login-unverified', UNVERIFIED)
  const standing = judge(options, candidate, match === 'account')
  if (!standing.ok) return refused(options, client, standing.kind, standing.answer, known)

  const { user } = standing
  const passwordHash = outdated ? await rehash(options, user, credentials.password, client) : user.passwordHash
  const tellOfNewDevice = candidate.hasSignedInBefore && !attempt.knownDevice
  const beginning = { user: { ...user, passwordHash }, remembered: credentials.rememberMe, presented, tellOfNewDevice }
  const session = await begin(options, beginning, client)
  return session && success(session)
}

type Standing =
  | { readonly ok: true; readonly user: User }
  | { readonly ok: false; readonly kind: AuditKind; readonly answer: Failure }

/** Whether somebody may sign in whose password is right or wrong. */
function judge({ emailVerification }: SessionsOptions, { user }: LoginCandidate, correct: boolean): Standing {
  if (user === undefined || !correct) return { ok: false, kind: 'login-failed', answer: INVALID_CREDENTIALS }
  if (user.disabledAt) return { ok: false, kind: 'login-disabled', answer: INVALID_CREDENTIALS }
  if (emailVerification === 'required' && !user.emailVerified) {
    return { ok: false, kind: 'login-unverified', answer: UNVERIFIED }
  }
  return { ok: true, user }
}

const UNVERIFIED = failure('email-unverified', 'the link was not opened yet')

/** A disabled account is settled like a wrong password: what follows must not tell the two apart. */
function outcomeOf(match: CheckedCredentials['match'], known: User | undefined): Outcome {
  if (match === 'registration') return 'unconfirmed'
  return match === 'account' && !known?.disabledAt ? 'right' : 'wrong'
}

async function refused(
  { database, audit, nowMs }: SessionsOptions,
  client: Client,
  kind: AuditKind,
  answer: Failure,
  user?: User
): Promise<Failure> {
  const event = audit.event({ kind, client, atMs: nowMs(), ...(user ? { person: user } : {}) })
  await database.run(db => insertAuditEvent(db, event))
  return answer
}

/**
 * The password is at hand only now, so a hash that is weaker than today's is replaced now.
 *
 * @returns the new hash
 */
async function rehash(options: SessionsOptions, user: User, password: string, client: Client): Promise<string> {
  const { database, audit, hasher, nowMs } = options
  const hash = await hasher.hash(password)
  await database.transaction(async db => {
    await upgradePasswordHash(db, user.id, { from: user.passwordHash, to: hash })
    await insertAuditEvent(db, audit.event({ kind: 'password-rehashed', client, atMs: nowMs(), person: user }))
  })
  return hash
}

function malformedAddress(): Failure {
  return failure('invalid-request', 'the address is malformed', {
    errors: [{ pointer: '/email', detail: 'must be a plain mail address' }]
  })
}
