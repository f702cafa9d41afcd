/** Checks the password of a signed-in user once more. A wrong password counts as a failed login. */

import { insertAuditEvent } from '../../db/queries/audit.ts'
import type { User } from '../../db/queries/users.ts'
import type { Client } from '../lib/client.ts'
import type { DeviceMarks } from '../lib/devices/device-mark.ts'
import type { PasswordHasher } from '../lib/passwords/password-hash.ts'
import { type Failure, failure, type Result, success } from '../lib/result.ts'
import type { LoginAttempt, LoginGuard } from './login-guard.ts'
import { type NotifyOfAttackOptions, notifyOfAttack } from './notify-of-attack.ts'

/** The ports of a reauthentication. */
export interface ReauthenticationOptions extends NotifyOfAttackOptions {
  readonly guard: LoginGuard
  readonly hasher: PasswordHasher
  readonly deviceMarks: DeviceMarks
}

/** What the client presents to prove that the user is present. */
export interface Proof {
  readonly password: string
  /** The marks that the device presented. */
  readonly presentedMarks: readonly string[]
  readonly captchaToken?: string | undefined
}

/**
 * Checks the password of `user`.
 *
 * Security: a stolen access token must not allow more guesses at the password than the login does.
 *
 * @returns a failure `password-incorrect`, or the failure of the guard
 * @throws {QueueFullError} before the guard counts anything, if the hashing queue is full
 */
export async function reauthenticate(
  options: ReauthenticationOptions,
  user: User,
  proof: Proof,
  client: Client
): Promise<Result<undefined>> {
  const { guard, hasher, deviceMarks } = options
  hasher.ensureRoom()
  const attempt: LoginAttempt = {
    email: user.email,
    clientAddress: client.address,
    knownDevice: proof.presentedMarks.some(mark => deviceMarks.knows(mark, user.email)),
    ...(proof.captchaToken === undefined ? {} : { captchaToken: proof.captchaToken })
  }
  const admitted = await guard.admit(attempt)
  if (!admitted.ok) return refused(options, user, client, admitted)

  const { correct } = await hasher.check(proof.password, user.passwordHash)

  const result = await guard.record(attempt, correct ? 'right' : 'wrong')
  if (!result.answerable) return refused(options, user, client, result.failure)
  if (result.accountAttacked) await notifyOfAttack(options, user.email, user, client)
  if (!correct) return refused(options, user, client, failure('password-incorrect', 'wrong password'))
  return success(undefined)
}

async function refused(
  { database, audit, nowMs }: ReauthenticationOptions,
  user: User,
  client: Client,
  answer: Failure
): Promise<Failure> {
  const subject = { person: user, details: { answer: answer.problem } }
  const event = audit.event({ kind: 'reauthentication-failed', client, atMs: nowMs(), ...subject })
  await database.run(db => insertAuditEvent(db, event))
  return answer
}
