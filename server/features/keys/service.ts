/** The key pairs that sign access tokens: made on the first start, kept in memory, published as a JWKS. */

import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Database } from '../../../db/client.ts'
import { insertFirstActiveKey, listSigningKeys, type SigningKeyRow } from '../../../db/queries/signing-keys.ts'
import type { KeySource } from '../../../edge/verifier/key-set.ts'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import type { SignaturePort, VerificationKey } from '../../../edge/verifier/signature-port.ts'
import { signingKeyLabel } from '../../lib/seal-labels.ts'
import type { SealedBox } from '../../lib/sealed-box.ts'

/** The key that signs now. */
export interface SigningKey {
  readonly kid: string
  readonly privatePem: string
  readonly publicPem: string
}

export interface KeysOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly signature: SignaturePort
  readonly nowMs: () => number
}

export interface KeysService extends KeySource {
  /** The key that signs now. */
  active(): SigningKey
  /** Public members only (RFC 7517). */
  jwks(): { keys: PublicJwk[] }
  /** Reads the keys again; where that fails the ones in memory stay. */
  reload(): Promise<void>
}

/** An unknown `kid` makes us look into the database at most this often. */
const LOOKUP_COOLDOWN_MS = 5_000

interface Keys {
  readonly active: SigningKey
  readonly published: readonly PublicJwk[]
  readonly verification: ReadonlyMap<string, VerificationKey>
}

/** Loads the keys; the first origin of a deployment makes the first pair. */
export async function openKeys(options: KeysOptions): Promise<KeysService> {
  const { database, nowMs } = options
  let keys = (await load(options)) ?? (await createFirst(options))
  let lookedUpMs = nowMs()

  async function reload(): Promise<void> {
    keys = (await load(options)) ?? keys
  }

  return {
    active: () => keys.active,
    jwks: () => ({ keys: [...keys.published] }),
    reload,
    find(kid, askedMs) {
      const known = keys.verification.get(kid)
      if (known !== undefined || askedMs - lookedUpMs < LOOKUP_COOLDOWN_MS) return known
      // Another origin may have begun to sign with a key that this one has not read yet.
      lookedUpMs = askedMs
      return reload().then(() => keys.verification.get(kid))
    }
  }

  async function createFirst({ box }: KeysOptions): Promise<Keys> {
    const row = createKeyRow(box, new Date(nowMs()))
    await database.run(db => insertFirstActiveKey(db, row))
    const created = await load(options)
    if (created === undefined) throw new Error('the first signing key was written but cannot be read back')
    return created
  }
}

async function load({ database, box, signature }: KeysOptions): Promise<Keys | undefined> {
  const rows = await database.run(listSigningKeys)
  const active = rows.find(row => row.state === 'active')
  if (active === undefined) return undefined
  const published = rows.map(publicJwk)
  const imported = await Promise.all(published.map(jwk => signature.importKey(jwk)))
  return {
    active: openSigningKey(box, active),
    published,
    verification: new Map(imported.map(key => [key.kid, key]))
  }
}

function createKeyRow(box: SealedBox, now: Date) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomBytes(12).toString('base64url')
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  return {
    kid,
    algorithm: 'ES256' as const,
    state: 'active' as const,
    publicJwk: { kty: String(kty), crv: String(crv), x: String(x), y: String(y) },
    sealedPrivateKey: box.seal(Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' })), signingKeyLabel(kid)),
    createdAt: now,
    stateSince: now
  }
}

function openSigningKey(box: SealedBox, row: SigningKeyRow): SigningKey {
  const privatePem = box.open(row.sealedPrivateKey, signingKeyLabel(row.kid)).toString()
  const publicPem = createPublicKey(privatePem).export({ format: 'pem', type: 'spki' }).toString()
  return { kid: row.kid, privatePem, publicPem }
}

function publicJwk(row: SigningKeyRow): PublicJwk {
  return { ...row.publicJwk, kid: row.kid, alg: row.algorithm, use: 'sig' } as PublicJwk
}
