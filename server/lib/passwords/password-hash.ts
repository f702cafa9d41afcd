/** Stores passwords: `bcrypt(base64(HMAC-SHA-384(pepper, password)))`, and knows imported plain bcrypt as well. */

import { createHmac } from 'node:crypto'
import bcrypt from 'bcrypt'
import type { DerivedKey, DerivedKeys } from '../crypto/derived-keys.ts'
import type { HashQueue } from './hash-queue.ts'
import { normalizePassword } from './normalize-password.ts'

/** `gh1:` pepper id `:` bcrypt. Anything that begins with `$2` came from another system. */
const PREFIX = 'gh1'

export interface PasswordCheck {
  readonly correct: boolean
  /** The stored hash is weaker than what we would make today: hash again while the password is at hand. */
  readonly outdated: boolean
}

export interface PasswordHasher {
  /** Before anything else is done for a password that cannot be hashed now. @throws {QueueFullError} */
  ensureRoom(): void
  hash(password: string): Promise<string>
  /**
   * Compares at exactly the work of one new hash, whatever cheaper hash is stored; `undefined` (an unknown address) is
   * compared with a decoy. A hash of higher cost takes longer.
   *
   * @param spend whether a password that is correct for a cheaper hash costs as much as a wrong one
   * @throws {QueueFullError}
   */
  check(password: string, stored: string | undefined, spend?: 'unless-correct' | 'always'): Promise<PasswordCheck>
}

export interface PasswordHasherOptions {
  readonly keys: DerivedKeys
  readonly cost: number
  readonly queue: HashQueue
}

/**
 * Creates the hasher, and begins the decoy: a real hash of the configured cost, so that nothing tells them apart. Until
 * it is there, which takes as long as one hash, every check waits for it.
 */
export function createPasswordHasher({ keys, cost, queue }: PasswordHasherOptions): PasswordHasher {
  const peppers = keys['password-pepper']
  const [newest] = peppers
  const hash = async (password: string) =>
    [PREFIX, newest.id, await queue.run(() => bcrypt.hash(peppered(newest, password), cost))].join(':')
  const decoy = hash('').then((stored): StoredParts => ({ pepper: newest, digest: stored.split(':')[2] ?? '' }))

  return {
    ensureRoom: queue.ensureRoom,
    hash,
    async check(password, stored, spend = 'unless-correct') {
      const decoyParts = await decoy
      const readable = stored === undefined ? undefined : parse(peppers, stored)
      const { pepper, digest } = readable ?? decoyParts
      const candidate = pepper === undefined ? normalizePassword(password) : peppered(pepper, password)
      const storedCost = bcrypt.getRounds(digest)
      const matches = await queue.run(async () => {
        const matched = await bcrypt.compare(candidate, digest)
        if (!matched || spend === 'always') await spendRest(candidate, decoyParts.digest, storedCost, cost)
        return matched
      })
      return {
        correct: matches && readable !== undefined,
        outdated: pepper?.id !== newest.id || storedCost < cost
      }
    }
  }
}

/**
 * Spends what a comparison at `spentCost` has left of the work of one at `cost`.
 *
 * Security: otherwise the time would tell which accounts have an old hash. A cost stands for 2^cost rounds, and
 * 2^a + (2^a + 2^(a+1) + … + 2^(b-1)) = 2^b: one comparison at each cost between makes up for the difference exactly.
 */
async function spendRest(candidate: string, decoy: string, spentCost: number, cost: number): Promise<void> {
  for (let between = spentCost; between < cost; between++) {
    await bcrypt.compare(candidate, `$2b$${String(between).padStart(2, '0')}${decoy.slice(6)}`)
  }
}

/**
 * 48 bytes of HMAC are 64 characters of base64: under the 72 bytes after which bcrypt stops reading,
 * and without the NUL at which it would.
 */
function peppered(pepper: DerivedKey, password: string): string {
  return createHmac('sha384', pepper.secret).update(normalizePassword(password)).digest('base64')
}

interface StoredParts {
  /** Undefined for plain bcrypt of another system. */
  readonly pepper: DerivedKey | undefined
  readonly digest: string
}

/**
 * The parts of a stored hash; `undefined` where its pepper came from a root secret that is gone. Nobody can check such a
 * password any more, so no password is right, and its owner chooses another one by a mailed link.
 */
function parse(peppers: readonly DerivedKey[], stored: string): StoredParts | undefined {
  // PHP writes $2y$ for what everybody else calls $2b$.
  if (stored.startsWith('$2')) return { pepper: undefined, digest: stored.replace(/^\$2y\$/, '$2b$') }
  const [prefix, pepperId, digest] = stored.split(':')
  const pepper = peppers.find(one => one.id === pepperId)
  return prefix === PREFIX && pepper !== undefined && digest !== undefined ? { pepper, digest } : undefined
}
