/** The keys of this process: read from the database again and again, kept in memory, published as a JWKS. */

import { setTimeout as pause } from 'node:timers/promises'
import { listSigningKeys } from '../../../db/queries/signing-keys.ts'
import type { KeySource } from '../../../edge/verifier/key-source.ts'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import type { SignaturePort, VerificationKey } from '../../../edge/verifier/signature-port.ts'
import { openSigningKey, publicJwkOf, type SigningKey } from './key-pair.ts'
import { ensureKeys, type MakeKeysOptions } from './rotation.ts'

export interface KeysOptions extends MakeKeysOptions {
  readonly signature: SignaturePort
}

export interface KeysService extends KeySource {
  /** The key that signs now. */
  active(): SigningKey
  /** Public members only (RFC 7517). */
  jwks(): { keys: PublicJwk[] }
  /** Reads the keys again; where that fails the ones in memory stay. */
  reload(): Promise<void>
}

/** Reads that unknown ids ask for begin so far apart, however many ask. */
const LOOKUP_EVERY_MS = 250

interface Keys {
  /** The ids and states that the rest was made of. */
  readonly stamp: string
  readonly active: SigningKey
  readonly published: readonly PublicJwk[]
  readonly verification: ReadonlyMap<string, VerificationKey>
  readonly removed: ReadonlySet<string>
}

/** Loads the keys, and makes those that should be there and are not. */
export async function openKeys(options: KeysOptions): Promise<KeysService> {
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
    // Reads overtake each other: an older one must not bring back what a younger one has seen go.
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
 * Creates a read that many can ask for. It begins after whoever asks has asked: a read that is under way already may
 * have missed what they ask for, so they wait for the next one.
 */
function createLookUp(reload: () => Promise<void>, nowMs: () => number): () => Promise<void> {
  let begunAtMs = Number.NEGATIVE_INFINITY
  let waiting: Promise<void> | undefined
  return () => {
    // At most one pause, also where the clock was set back.
    const waitMs = Math.min(LOOKUP_EVERY_MS, Math.max(0, begunAtMs + LOOKUP_EVERY_MS - nowMs()))
    waiting ??= pause(waitMs).then(() => {
      waiting = undefined
      begunAtMs = nowMs()
      return reload()
    })
    return waiting
  }
}

/** What does not change stays the very same object, so that whatever is remembered under it stays good. */
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
    active: openSigningKey(box, active),
    published,
    verification: new Map(imported.map(key => [key.kid, key])),
    removed: new Set(rows.filter(row => row.state === 'removed').map(row => row.kid))
  }
}
