/** Compares a password with everything stored for an email address. The amount of work reveals none of it. */

import type { LoginCandidate } from '../../../db/queries/login-candidate.ts'
import type { SessionsOptions } from './options.ts'

/** What a password was found to belong to. */
export interface CheckedCredentials {
  /**
   * What the password belongs to: the account, disabled or not, or a registration with an unopened link. Any client can
   * begin a registration for any address, also for one that has an account.
   */
  readonly match: 'account' | 'registration' | undefined
  /** The hash of the account is weaker than the configuration asks for. */
  readonly outdated: boolean
}

/**
 * Makes one comparison if the password opens an active account. Otherwise it makes the same two for every address: with
 * the account and with the newest registration, or with decoys. Registrations count only if verification is required.
 *
 * Security: a comparison takes a tenth of a second. A remote client could measure one more or one fewer.
 *
 * @throws {QueueFullError}
 */
export async function checkCredentials(
  { hasher, emailVerification }: Pick<SessionsOptions, 'hasher' | 'emailVerification'>,
  { user, pendingPasswordHash }: LoginCandidate,
  password: string
): Promise<CheckedCredentials> {
  const isActive = user !== undefined && user.disabledAt === null
  const own = await hasher.check(password, user?.passwordHash, isActive ? 'unless-correct' : 'always')
  const { outdated } = own
  if (own.correct && isActive) return { match: 'account', outdated }

  // Security: checked before a disabled account. Otherwise an attacker could register its address with a guessed
  // password, and learn from the answer whether the guess is right.
  if (emailVerification === 'required' && (await hasher.check(password, pendingPasswordHash)).correct) {
    return { match: 'registration', outdated }
  }
  return { match: own.correct ? 'account' : undefined, outdated }
}
