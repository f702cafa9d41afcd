/**
 * Project Wycheproof's vectors against both signature ports and the parser of tokens. The project does not contain them:
 * `WYCHEPROOF_DIR` names the folder of their JSON files.
 */

import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCompactJws } from '../../../edge/verifier/compact-jws.ts'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import type { TokenAlgorithm } from '../../../edge/verifier/token-algorithm.ts'
import { createWebCryptoSignaturePort } from '../../../edge/verifier/webcrypto-signature.ts'
import { createNodeSignaturePort } from '../../../server/lib/crypto/node-signature.ts'

const DIR = process.env.WYCHEPROOF_DIR
const skip = DIR === undefined && 'WYCHEPROOF_DIR is not set'
const PORTS = { node: createNodeSignaturePort(), webcrypto: createWebCryptoSignaturePort() }

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid'
}

interface Group<V> {
  readonly publicKeyPem: string
  readonly public?: PublicJwk
  readonly private?: PublicJwk
  readonly tests: readonly (Vector & V)[]
}

function groupsOf<V>(file: string): readonly Group<V>[] {
  return JSON.parse(readFileSync(join(DIR ?? '', file), 'utf8')).testGroups
}

/** A message as text, where it is valid text: signing inputs are text. */
function textOf(hex: string): string | undefined {
  const bytes = Buffer.from(hex, 'hex')
  const text = bytes.toString('utf8')
  return Buffer.from(text).equals(bytes) ? text : undefined
}

const SIGNATURES: readonly [TokenAlgorithm, string, number][] = [
  ['ES256', 'ecdsa_secp256r1_sha256_p1363_test.json', 250],
  ['EdDSA', 'ed25519_test.json', 70]
]

for (const [name, port] of Object.entries(PORTS)) {
  for (const [algorithm, file, least] of SIGNATURES) {
    t.test(`${name}: each ${algorithm} signature has the result of Wycheproof`, { skip }, async t => {
      let judged = 0
      for (const { publicKeyPem, tests } of groupsOf<{ msg: string; sig: string }>(file)) {
        const jwk = createPublicKey(publicKeyPem).export({ format: 'jwk' })
        const key = await port.importKey({ ...jwk, kid: 'k', alg: algorithm, use: 'sig' } as PublicJwk)
        for (const { tcId, comment, msg, sig, result } of tests) {
          const text = textOf(msg)
          if (text === undefined) continue
          judged++
          const isValid = await port.verify(key, text, new Uint8Array(Buffer.from(sig, 'hex')))
          t.equal(isValid, result === 'valid', `${tcId} ${comment}`)
        }
      }
      t.ok(judged > least, `${judged} vectors`)
    })
  }
}

t.test('each ES256 token has the result of Wycheproof', { skip }, async t => {
  let judged = 0
  for (const group of groupsOf<{ jws: string }>('json_web_signature_test.json')) {
    const jwk = group.public ?? group.private
    if (jwk?.crv !== 'P-256') continue
    for (const { tcId, comment, jws, result } of group.tests) {
      judged++
      t.equal(await isAccepted(jwk, jws), result === 'valid', `${tcId} ${comment}`)
    }
  }
  t.ok(judged > 30, `${judged} tokens`)
})

/** Without the `typ` of the header, which only access tokens have. */
async function isAccepted(jwk: PublicJwk, jws: string): Promise<boolean> {
  const parsed = parseCompactJws(jws)
  if (!parsed.ok) return false
  try {
    const header = JSON.parse(Buffer.from(parsed.value.unverifiedHeader, 'base64url').toString())
    if (header.alg !== 'ES256') return false
    const { d: _, ...published } = { d: '', ...jwk }
    const key = await PORTS.node.importKey({ ...published, kid: 'k' })
    return await PORTS.node.verify(key, parsed.value.signingInput, parsed.value.signature)
  } catch (error) {
    // The header is not JSON, or the key is not for signatures.
    if (error instanceof SyntaxError || error instanceof TypeError) return false
    throw error
  }
}
