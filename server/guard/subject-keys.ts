/** The Redis keys under which the login guard counts an attempt. They reveal neither email nor client addresses. */

import { createHmac, type KeyObject } from 'node:crypto'
import { addressSubject } from '../../edge/contract/client-address.ts'
import { loginGuardKey } from '../../edge/contract/redis-keys.ts'

/** The two addresses of an attempt, under which it is counted. */
export interface AttemptSubject {
  /** The canonical email address. Known and unknown addresses count alike. */
  readonly email: string
  /** The client's canonical IP address. */
  readonly clientAddress: string
}

/** The keys of the three subjects of an attempt: the client address, the account, and the pair of both. */
export interface SubjectKeys {
  readonly address: string
  readonly pair: string
  readonly account: string
}

/** The length of a truncated digest in base64url: 132 bits, so that no two subjects share a key. */
const DIGEST_CHARACTERS = 22

/**
 * Derives the keys of an attempt.
 *
 * Security: an attacker reverses a plain hash of an email or client address by hashing all likely ones. Under a secret key
 * a reader of Redis learns neither the users nor the clients that tried to sign in.
 *
 * @param secret of at least 32 bytes, the same in all origins; under another secret all counts begin again
 */
export function subjectKeys(secret: KeyObject, { email, clientAddress }: AttemptSubject): SubjectKeys {
  const address = addressSubject(clientAddress)
  const key = (kind: keyof SubjectKeys, subject: string) =>
    loginGuardKey(kind, digest(secret, JSON.stringify([kind, subject])))
  return {
    address: key('address', address),
    pair: key('pair', JSON.stringify([address, email])),
    account: key('account', email)
  }
}

function digest(secret: KeyObject, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url').slice(0, DIGEST_CHARACTERS)
}
