/** Signs a user in with an email address and a password. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { findLoginCandidate } from '../../../db/queries/login-candidate.ts'
import { type User, upgradePasswordHash } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-kinds.ts'
import type { LoginAttempt } from '../../guard/login-guard.ts'
import { notifyOfAttack } from '../../guard/notify-of-attack.ts'
import type { Outcome } from '../../guard/rule.ts'
import type { Client } from '../../lib/client.ts'
import { checkEmail } from '../../lib/http/checked-member.ts'
import { type Failure, failure, type Result, success } from '../../lib/result.ts'
import type { BeginSession } from './begin-session.ts'
import { type CheckedCredentials, checkCredentials } from './check-credentials.ts'
import type { BegunSession, Presented, SessionsOptions } from './options.ts'

interface Credentials {
  readonly email: string
  readonly password: string
  readonly rememberMe: boolean
  readonly captchaToken?: string
}

/** The same answer to an unknown address, a wrong password and a disabled account. */
const INVALID_CREDENTIALS = failure('invalid-credentials', 'unknown address, wrong password or disabled account')

/**
 * Creates the rule. It asks the guard, makes one query, compares the password, records the outcome in the guard, and
 * begins the session. A failed login does the same work for every address.
 *
 * The rule throws a `QueueFullError` before all of that if the queue of password hashes is full.
 */
export function createLogin(options: SessionsOptions, beginSession: BeginSession) {
  const { deviceMarks, guard, hasher } = options
  return async (credentials: Credentials, presented: Presented, client: Client): Promise<Result<BegunSession>> => {
    const checked = checkEmail(credentials.email)
    if (!checked.ok) return checked
    const email = checked.value
    hasher.ensureRoom()

    const attempt: LoginAttempt = {
      email,
      clientAddress: client.address,
      knownDevice: presented.deviceMarks.some(mark => deviceMarks.knows(mark, email)),
      ...(credentials.captchaToken === undefined ? {} : { captchaToken: credentials.captchaToken })
    }
    const admitted = await guard.admit(attempt)
    if (!admitted.ok) return refuse(options, client, { kind: 'login-blocked', answer: admitted })

    // A second try, because the stored password may have changed after the first one had compared it.
    for (let tries = 0; tries < 2; tries++) {
      const result = await tryLogin(options, beginSession, { credentials, attempt, presented, client })
      if (result !== undefined) return result
    }
    return refuse(options, client, { kind: 'login-failed', answer: INVALID_CREDENTIALS })
  }
}

interface AdmittedLogin {
  readonly credentials: Credentials
  readonly attempt: LoginAttempt
  readonly presented: Presented
  readonly client: Client
}

/** @returns `undefined` if the password or the account was changed at the same time */
async function tryLogin(
  options: SessionsOptions,
  beginSession: BeginSession,
  { credentials, attempt, presented, client }: AdmittedLogin
): Promise<Result<BegunSession> | undefined> {
  const { database, guard, nowMs } = options
  const candidate = await database.run(db => findLoginCandidate(db, attempt.email, new Date(nowMs())))
  const { user: known } = candidate
  const { match, outdated } = await checkCredentials(options, candidate, credentials.password)
  const recorded = await guard.record(attempt, outcomeOf(match, known))
  // Security: the audit log does not name the account. An attacker may have begun the registration to guess.
  const owner = match === 'registration' ? undefined : known
  if (!recorded.answerable) {
    return refuse(options, client, { kind: 'login-blocked', answer: recorded.failure, user: owner })
  }
  if (recorded.accountAttacked) await notifyOfAttack(options, attempt.email, known, client)
  const decision = decide(options, known, match)
  if (!decision.ok) return refuse(options, client, { ...decision.refusal, user: owner })

  const { user } = decision
  const passwordHash = outdated ? await rehash(options, user, credentials.password, client) : user.passwordHash
  const notifyOfNewDevice = candidate.hasSignedInBefore && !attempt.knownDevice
  const remembered = credentials.rememberMe
  const session = await beginSession(
    { user: { ...user, passwordHash }, remembered, presented, notifyOfNewDevice },
    client
  )
  return session && success(session)
}

type LoginDecision =
  | { readonly ok: true; readonly user: User }
  | { readonly ok: false; readonly refusal: Pick<Refusal, 'kind' | 'answer'> }

/** Decides whether a user may sign in, after the password was compared. */
function decide(
  { emailVerification }: SessionsOptions,
  user: User | undefined,
  match: CheckedCredentials['match']
): LoginDecision {
  if (match === 'registration') return { ok: false, refusal: { kind: 'login-unverified', answer: UNVERIFIED } }
  if (user === undefined || match === undefined) {
    return { ok: false, refusal: { kind: 'login-failed', answer: INVALID_CREDENTIALS } }
  }
  if (user.disabledAt) return { ok: false, refusal: { kind: 'login-disabled', answer: INVALID_CREDENTIALS } }
  if (emailVerification === 'required' && !user.emailVerified) {
    return { ok: false, refusal: { kind: 'login-unverified', answer: UNVERIFIED } }
  }
  return { ok: true, user }
}

const UNVERIFIED = failure('email-unverified', 'the email address is not verified yet')

/** A disabled account counts as a wrong password. The answers that follow must not differ. */
function outcomeOf(match: CheckedCredentials['match'], known: User | undefined): Outcome {
  if (match === 'registration') return 'unconfirmed'
  return match === 'account' && !known?.disabledAt ? 'right' : 'wrong'
}

interface Refusal {
  readonly kind: AuditKind
  readonly answer: Failure
  readonly user?: User | undefined
}

/** Records a refusal, and returns its answer. */
async function refuse(
  { database, audit, nowMs }: SessionsOptions,
  client: Client,
  { kind, answer, user }: Refusal
): Promise<Failure> {
  const event = audit.event({ kind, client, atMs: nowMs(), ...(user ? { person: user } : {}) })
  await database.run(db => insertAuditEvent(db, event))
  return answer
}

/**
 * Replaces a hash that is weaker than the configuration asks for. Only a sign-in knows the password.
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
