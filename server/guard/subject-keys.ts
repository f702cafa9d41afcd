/** What the login guard counts an attempt under: names that tell nothing about the people behind them. */

import { createHmac, type KeyObject } from 'node:crypto'
import { addressSubject } from '../../edge/contract/client-address.ts'
import { loginGuardKey } from '../../edge/contract/redis-keys.ts'

/** Keys of one attempt's three subjects. */
export interface SubjectKeys {
  readonly address: string
  readonly pair: string
  readonly account: string
}

/** Characters of base64url that are kept of a digest: 132 bits, so that no two subjects ever meet. */
const DIGEST_CHARACTERS = 22

/**
 * Names the subjects of an attempt.
 *
 * Security: a plain hash of a mail or client address is found out by hashing all likely ones. Under a secret key,
 * whoever reads Redis learns neither who tried to sign in nor from where.
 *
 * @param secret of at least 32 bytes, the same in all origins; with another one all counts begin anew
 */
export function subjectKeys(secret: KeyObject, account: string, clientAddress: string): SubjectKeys {
  const address = addressSubject(clientAddress)
  const key = (kind: keyof SubjectKeys, subject: string) =>
    loginGuardKey(kind, digest(secret, JSON.stringify([kind, subject])))
  return {
    address: key('address', address),
    pair: key('pair', JSON.stringify([address, account])),
    account: key('account', account)
  }
}

function digest(secret: KeyObject, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url').slice(0, DIGEST_CHARACTERS)
}
