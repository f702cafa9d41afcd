/** Seals values of older root secrets again under the newest one, so that operators can remove the older ones. */

import type { Database } from '../../db/client.ts'
import {
  findAuditKeysNotUnder,
  findSigningKeysNotUnder,
  replaceAuditKey,
  replaceSealedPrivateKey
} from '../../db/queries/sealed-keys.ts'
import { auditKeyLabel, signingKeyLabel } from '../lib/crypto/seal-labels.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'

/** The ports of sealing again. */
export interface ResealOptions {
  readonly database: Database
  readonly box: SealedBox
  readonly log: { info(fields: object, message: string): void }
}

const BATCH = 200

/**
 * Creates one pass. Several origins may run it at the same time: a value is replaced only while it is still the value
 * that was read.
 */
export function createReseal({ database, box, log }: ResealOptions): () => Promise<void> {
  const again = (sealed: Uint8Array, label: string) => box.seal(box.unseal(sealed, label), label)

  async function signingKeys(): Promise<number> {
    const rows = await database.run(db => findSigningKeysNotUnder(db, box.newestKeyId))
    for (const { kid, sealed } of rows) {
      await database.run(db =>
        replaceSealedPrivateKey(db, kid, { from: sealed, to: again(sealed, signingKeyLabel(kid)) })
      )
    }
    return rows.length
  }

  async function auditKeys(): Promise<number> {
    const rows = await database.run(db => findAuditKeysNotUnder(db, box.newestKeyId, BATCH))
    for (const { id, sealed } of rows) {
      await database.run(db => replaceAuditKey(db, id, { from: sealed, to: again(sealed, auditKeyLabel(id)) }))
    }
    return rows.length === BATCH ? rows.length + (await auditKeys()) : rows.length
  }

  return async () => {
    const sealed = { signingKeys: await signingKeys(), auditKeys: await auditKeys() }
    if (sealed.signingKeys + sealed.auditKeys > 0) log.info(sealed, 'sealed again under the newest root secret')
  }
}
