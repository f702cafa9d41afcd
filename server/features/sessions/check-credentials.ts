/** Holds a password against all that is stored for an address, at work that tells nothing about it. */

import type { LoginCandidate } from '../../../db/queries/login-candidate.ts'
import type { SessionsOptions } from './options.ts'

export interface CheckedCredentials {
  /**
   * Whose password it is: that of the account, disabled or not; or that of a registration that waits for its link,
   * whether the address has an account or not, because any client can begin one for it.
   */
  readonly match: 'account' | 'registration' | undefined
  /** The hash of the account is weaker than today's. */
  readonly outdated: boolean
}

/**
 * One comparison where the account may be entered, otherwise always the same two: with the account and with the newest
 * registration, or with decoys in their places. Only where verification is required does a registration wait.
 *
 * Security: a comparison takes a tenth of a second. One more or one fewer would tell a remote client what is stored.
 *
 * @throws {QueueFullError}
 */
export async function checkCredentials(
  { hasher, emailVerification }: Pick<SessionsOptions, 'hasher' | 'emailVerification'>,
  { user, pendingPasswordHash }: LoginCandidate,
  password: string
): Promise<CheckedCredentials> {
  const mayEnter = user !== undefined && user.disabledAt === null
  const own = await hasher.check(password, user?.passwordHash, mayEnter ? 'unless-correct' : 'always')
  const { outdated } = own
  if (own.correct && mayEnter) return { match: 'account', outdated }

  // Before the account: a stranger may guess the password of a disabled one by registering with it.
  if (emailVerification === 'required' && (await hasher.check(password, pendingPasswordHash)).correct) {
    return { match: 'registration', outdated }
  }
  return { match: own.correct ? 'account' : undefined, outdated }
}
