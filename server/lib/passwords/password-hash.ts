/** Hashes passwords: `bcrypt(base64(HMAC-SHA-384(pepper, password)))`. It also checks imported plain bcrypt hashes. */

import { createHmac } from 'node:crypto'
import bcrypt from 'bcrypt'
import type { DerivedKey, DerivedKeys } from '../crypto/derived-keys.ts'
import type { HashQueue } from './hash-queue.ts'
import { normalizePassword } from './normalize-password.ts'

/** `gh1:` pepper id `:` bcrypt. A hash that begins with `$2` came from another system. */
const PREFIX = 'gh1'

/** The outcome of comparing a password with a stored hash. */
export interface PasswordCheck {
  readonly correct: boolean
  /** The stored hash is weaker than a new one would be: hash again while the password is known. */
  readonly outdated: boolean
}

/** Hashes and checks passwords through one queue. */
export interface PasswordHasher {
  /** To be called before other work for a password, which would be in vain without room. @throws {QueueFullError} */
  ensureRoom(): void
  hash(password: string): Promise<string>
  /**
   * Compares with exactly the work of one new hash, even where a cheaper hash is stored. `undefined` (an unknown email
   * address) is compared with a decoy. A hash of higher cost takes longer.
   *
   * @param spend whether a password that is correct for a cheaper hash costs as much as a wrong one
   * @throws {QueueFullError}
   */
  check(password: string, stored: string | undefined, spend?: 'unless-correct' | 'always'): Promise<PasswordCheck>
}

/** `cost` is the log2 of the rounds of bcrypt. */
export interface PasswordHasherOptions {
  readonly keys: DerivedKeys
  readonly cost: number
  readonly queue: HashQueue
}

/**
 * Creates the hasher, and begins to hash the decoy. The decoy is a real hash of the configured cost, so that a check
 * against it looks like any other. Every check waits until the decoy is hashed.
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
 * Spends the work by which a comparison at `cost` exceeds one at `spentCost`.
 *
 * Security: otherwise the time would reveal which accounts have an old hash. A cost stands for 2^cost rounds, and
 * 2^a + (2^a + 2^(a+1) + … + 2^(b-1)) = 2^b. So one comparison at each cost in between makes up the exact difference.
 */
async function spendRest(candidate: string, decoy: string, spentCost: number, cost: number): Promise<void> {
  for (let between = spentCost; between < cost; between++) {
    await bcrypt.compare(candidate, `$2b$${String(between).padStart(2, '0')}${decoy.slice(6)}`)
  }
}

/**
 * 48 bytes of HMAC are 64 characters of base64. bcrypt stops reading after 72 bytes and at a NUL, and these have neither.
 */
function peppered(pepper: DerivedKey, password: string): string {
  return createHmac('sha384', pepper.secret).update(normalizePassword(password)).digest('base64')
}

interface StoredParts {
  /** Undefined for a plain bcrypt hash of another system. */
  readonly pepper: DerivedKey | undefined
  readonly digest: string
}

/**
 * The parts of a stored hash; `undefined` where its pepper came from a root secret that is gone. Such a password can no
 * longer be checked, so every password is wrong, and the owner sets a new one through a mailed link.
 */
function parse(peppers: readonly DerivedKey[], stored: string): StoredParts | undefined {
  // PHP writes $2y$ for the version that other libraries write as $2b$.
  if (stored.startsWith('$2')) return { pepper: undefined, digest: stored.replace(/^\$2y\$/, '$2b$') }
  const [prefix, pepperId, digest] = stored.split(':')
  const pepper = peppers.find(one => one.id === pepperId)
  return prefix === PREFIX && pepper !== undefined && digest !== undefined ? { pepper, digest } : undefined
}
