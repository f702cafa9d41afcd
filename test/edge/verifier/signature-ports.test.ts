/** Both signature ports, WebCrypto and node:crypto, side by side; whole tokens are tested with the verifier. */

import { createPublicKey, verify } from 'node:crypto'
import t from 'tap'
import type { PublicJwk } from '../../../edge/verifier/public-jwk.ts'
import { createWebCryptoSignaturePort } from '../../../edge/verifier/webcrypto-signature.ts'
import { generateSigner, publicJwkOf, signRaw } from '../../../local/token-forge.ts'
import { createNodeSignaturePort, derOf } from '../../../server/lib/crypto/node-signature.ts'

const PORTS = { node: createNodeSignaturePort(), webcrypto: createWebCryptoSignaturePort() }
const ALGORITHMS = ['ES256', 'EdDSA'] as const
const DATA = 'what was signed'

const jwks = { ES256: publicJwkOf(generateSigner('ES256', 'es')), EdDSA: publicJwkOf(generateSigner('EdDSA', 'ed')) }

for (const [name, port] of Object.entries(PORTS)) {
  t.test(`${name}: verify() is true for the key's own signature only`, async t => {
    for (const algorithm of ALGORITHMS) {
      const signer = generateSigner(algorithm)
      const key = await port.importKey(publicJwkOf(signer))
      const signature = new Uint8Array(signRaw(signer, DATA))
      t.match(key, { kid: signer.kid, algorithm })
      t.equal(await port.verify(key, DATA, signature), true)
      t.equal(await port.verify(key, DATA.slice(1), signature), false)
      t.equal(await port.verify(key, DATA, new Uint8Array(signRaw(generateSigner(algorithm), DATA))), false)
    }
  })

  t.test(`${name}: verify() tells characters with the same low byte apart`, async t => {
    const signer = generateSigner('ES256')
    const key = await port.importKey(publicJwkOf(signer))
    const signed = (text: string) => new Uint8Array(signRaw(signer, text))
    t.equal(await port.verify(key, 'é👩‍🚀', signed('é👩‍🚀')), true, 'UTF-8')
    for (const code of [0x80 + 0x41, 0x100 + 0x41, 0xff00 + 0x41]) {
      t.equal(await port.verify(key, String.fromCharCode(code), signed('A')), false, `U+${code.toString(16)}`)
    }
  })

  t.test(`${name}: verify() keeps two simultaneous calls apart`, async t => {
    const signer = generateSigner('ES256')
    const key = await port.importKey(publicJwkOf(signer))
    const inputs = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(1 + 200 * (i % 3)))
    const signatures = inputs.map(input => new Uint8Array(signRaw(signer, input)))
    const results = (shift: number) =>
      Promise.all(inputs.map((input, i) => port.verify(key, input, signatures[(i + shift) % 20] as Uint8Array)))
    t.strictSame(new Set(await results(0)), new Set([true]))
    t.strictSame(new Set(await results(1)), new Set([false]))
  })

  t.test(`${name}: verify() answers false, and never throws, whatever bytes a signature has`, async t => {
    for (const algorithm of ALGORITHMS) {
      const key = await port.importKey(jwks[algorithm])
      for (const length of [0, 1, 32, 63, 64, 65, 72, 96, 1000]) {
        for (const byte of [0, 1, 0x30, 0x7f, 0x80, 0xff]) {
          const signature = new Uint8Array(length).fill(byte)
          t.equal(await port.verify(key, DATA, signature), false, `${algorithm}, ${length} times ${byte}`)
        }
      }
    }
  })

  t.test(`${name}: verify() agrees with OpenSSL over 600 signatures, short r and s included`, async t => {
    const signer = generateSigner('ES256')
    const key = await port.importKey(publicJwkOf(signer))
    for (let round = 0; round < 600; round += 1) {
      const data = String(round)
      if (!(await port.verify(key, data, new Uint8Array(signRaw(signer, data))))) t.fail(`round ${round}`)
    }
    t.pass('600 of 600')
  })

  t.test(`${name}: importKey() refuses every unusable public key with a reason`, async t => {
    const es = jwks.ES256
    const ed = jwks.EdDSA
    const privateJwk = generateSigner('ES256').privateKey.export({ format: 'jwk' })
    const refused: Readonly<Record<string, object>> = {
      'a private key': { ...privateJwk, kid: 'k' },
      'a symmetric key': { kty: 'oct', k: 'AAAA', kid: 'k' },
      'no kid': { ...es, kid: undefined },
      'an empty kid': { ...es, kid: '' },
      'another curve': { ...es, crv: 'P-384' },
      'another key type': { ...es, kty: 'OKP' },
      RSA: { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'k' },
      'no y': { ...es, y: undefined },
      'a short x': { ...es, x: es.x?.slice(0, -2) },
      'a padded x': { ...es, x: `${es.x}=` },
      'a point off its curve': { ...es, y: 'A'.repeat(43) },
      'the point of zeros': { ...es, x: 'A'.repeat(43), y: 'A'.repeat(43) },
      'an alg of another type': { ...es, alg: 'EdDSA' },
      'an alg unknown': { ...es, alg: 'ES384' },
      'for encryption': { ...es, use: 'enc' },
      'for signing only': { ...es, key_ops: ['sign'] },
      X25519: { ...ed, crv: 'X25519' },
      'a long Ed25519 x': { ...ed, x: `${ed.x}AAA` },
      'an Ed25519 key for ES256': { ...ed, alg: 'ES256' }
    }
    for (const [what, jwk] of Object.entries(refused)) {
      await t.rejects(
        async () => port.importKey(jwk as PublicJwk),
        { name: 'TypeError', message: /^Cannot import / },
        what
      )
    }
    for (const value of [null, undefined, 'x', 1, []]) {
      await t.rejects(async () => port.importKey(value as unknown as PublicJwk), TypeError)
    }
  })

  t.test(`${name}: importKey() accepts a key without optional members`, async t => {
    for (const jwk of [jwks.ES256, jwks.EdDSA]) {
      const { kty, crv, x, y, kid } = jwk
      const bare: PublicJwk = { kty, kid, ...(crv && { crv }), ...(x && { x }), ...(y && { y }) }
      t.match(await port.importKey(bare), { kid })
      t.match(await port.importKey({ ...bare, key_ops: ['verify'] }), { kid })
    }
    t.match(await port.importKey({ ...jwks.EdDSA, alg: 'Ed25519' }), { algorithm: 'EdDSA' })
  })

  t.test(`${name}: verify() throws on a key that another port imported`, async t => {
    const key = { kid: 'k', algorithm: 'ES256', material: 'no key' } as const
    await t.rejects(async () => port.verify(key, DATA, new Uint8Array(64)), TypeError)
  })
}

t.test('derOf() writes each integer canonically', async t => {
  const half = (hex: string) => hex.padStart(64, '0')
  const rows: Readonly<Record<string, string>> = {
    '00': '020100',
    '01': '020101',
    '7f': '02017f',
    '80': '02020080',
    ff: '020200ff',
    '0100': '02020100',
    '8000': '0203008000',
    [`7f${'ab'.repeat(31)}`]: `02207f${'ab'.repeat(31)}`,
    [`80${'ab'.repeat(31)}`]: `02210080${'ab'.repeat(31)}`,
    [`00${'ff'.repeat(31)}`]: `022000${'ff'.repeat(31)}`,
    ['ff'.repeat(32)]: `022100${'ff'.repeat(32)}`
  }
  for (const [r, derR] of Object.entries(rows)) {
    for (const [s, derS] of Object.entries(rows)) {
      const der = Buffer.from(derOf(Buffer.from(half(r) + half(s), 'hex'))).toString('hex')
      const length = ((derR.length + derS.length) / 2).toString(16).padStart(2, '0')
      t.equal(der, `30${length}${derR}${derS}`)
    }
  }
})

t.test('derOf() and ieee-p1363 name the same signature', async t => {
  const signer = generateSigner('ES256')
  const key = createPublicKey(signer.privateKey)
  const signature = signRaw(signer, DATA)
  const data = Buffer.from(DATA)
  t.ok(verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature))
  t.ok(verify('sha256', data, { key, dsaEncoding: 'der' }, derOf(signature)))
})
