/** Signs somebody in with an address and a password. */

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

    // Again where the stored password has changed under the first try: what was checked may not hold any more.
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

/** @returns `undefined` where the password or the account has changed meanwhile */
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
  // Security: without the account, because an attacker who guesses may have begun the registration.
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

/** Whether a user may sign in, by what the password matches. */
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

const UNVERIFIED = failure('email-unverified', 'the link was not opened yet')

/** A disabled account is settled like a wrong password: what follows must not tell the two apart. */
function outcomeOf(match: CheckedCredentials['match'], known: User | undefined): Outcome {
  if (match === 'registration') return 'unconfirmed'
  return match === 'account' && !known?.disabledAt ? 'right' : 'wrong'
}

interface Refusal {
  readonly kind: AuditKind
  readonly answer: Failure
  readonly user?: User | undefined
}

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
