/** The keys of this process: read from the database repeatedly, kept in memory, published as a JWKS. */

import { setTimeout as pause } from 'node:timers/promises'
import { listSigningKeys } from '../../../db/queries/signing-keys.ts'
import type { KeySource } from '../../../edge/verifier/key-source.ts'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import type { SignaturePort, VerificationKey } from '../../../edge/verifier/signature-port.ts'
import { publicJwkOf, type SigningKey, unsealSigningKey } from './key-pair.ts'
import { type EnsureKeysOptions, ensureKeys } from './rotation.ts'

interface KeysOptions extends EnsureKeysOptions {
  readonly signature: SignaturePort
}

/** The loaded keys. */
export interface KeysService extends KeySource {
  /** The key that signs now. */
  active(): SigningKey
  /** Public members only (RFC 7517). */
  jwks(): { keys: PublicJwk[] }
  /** Reads the keys again. Where that fails, those in memory stay. */
  reload(): Promise<void>
}

/** The least time between two reads for unknown ids, for any number of requests with one. */
const LOOKUP_EVERY_MS = 250

interface Keys {
  /** The ids and states of the rows that the other members were built from. */
  readonly stamp: string
  readonly active: SigningKey
  readonly published: readonly PublicJwk[]
  readonly verification: ReadonlyMap<string, VerificationKey>
  readonly removed: ReadonlySet<string>
}

/** Loads the keys, and creates the active and the next one if they are missing. */
export async function loadKeys(options: KeysOptions): Promise<KeysService> {
  await ensureKeys(options)
  const first = await load(options)
  if (first === undefined) throw new Error('the signing keys were written but cannot be read back')
  let keys = first
  let begun = 0
  let applied = 0

  async function reload(): Promise<void> {
    begun += 1
    const mine = begun
    const loaded = await load(options, keys)
    // Reads overtake each other: an older one must not bring back a key that a newer one has seen removed.
    if (loaded === undefined || mine < applied) return
    applied = mine
    keys = loaded
  }

  const lookUp = createLookUp(reload, options.nowMs)
  return {
    active: () => keys.active,
    jwks: () => ({ keys: [...keys.published] }),
    reload,
    find(kid) {
      const known = keys.verification.get(kid)
      if (known !== undefined || keys.removed.has(kid)) return known
      // Another origin may have begun to sign with a key that this one has not read yet.
      return lookUp().then(() => keys.verification.get(kid))
    }
  }
}

/**
 * Creates a read that many callers share. It begins after all of them have asked: a read that is already under way may
 * have missed the wanted key.
 */
function createLookUp(reload: () => Promise<void>, nowMs: () => number): () => Promise<void> {
  let begunAtMs = Number.NEGATIVE_INFINITY
  let waiting: Promise<void> | undefined
  return () => {
    // Never longer than one interval, even if the clock was set back.
    const waitMs = Math.min(LOOKUP_EVERY_MS, Math.max(0, begunAtMs + LOOKUP_EVERY_MS - nowMs()))
    waiting ??= pause(waitMs).then(() => {
      waiting = undefined
      begunAtMs = nowMs()
      return reload()
    })
    return waiting
  }
}

/** Reads the keys. Unchanged keys stay the same objects, so tokens that were remembered under them stay remembered. */
async function load({ database, box, signature }: KeysOptions, before?: Keys): Promise<Keys | undefined> {
  const rows = await database.run(listSigningKeys)
  const stamp = rows.map(({ kid, state }) => `${kid} ${state}`).join()
  if (stamp === before?.stamp) return before
  const active = rows.find(row => row.state === 'active')
  if (active === undefined) return undefined

  const published = rows.filter(row => row.state !== 'removed').map(publicJwkOf)
  const imported = await Promise.all(
    published.map(jwk => before?.verification.get(String(jwk.kid)) ?? signature.importKey(jwk))
  )
  return {
    stamp,
    active: unsealSigningKey(box, active),
    published,
    verification: new Map(imported.map(key => [key.kid, key])),
    removed: new Set(rows.filter(row => row.state === 'removed').map(row => row.kid))
  }
}
