/**
 * Tokens that a verifier remembers: the signature is verified once, the times and the key at each use.
 *
 * Over 200 lines: every way in which a remembered token could stay valid for too long, side by side.
 */

import t from 'tap'
import { CLOCK_SKEW_SECONDS } from '../../../edge/contract/claims.ts'
import { createInlineKeySet } from '../../../edge/verifier/inline-key-set.ts'
import { type KeySource, KeysUnavailableError } from '../../../edge/verifier/key-source.ts'
import type { SignaturePort, VerificationKey } from '../../../edge/verifier/signature-port.ts'
import type { TokenVerifierOptions } from '../../../edge/verifier/verifier-options.ts'
import { createTokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { createWebCryptoSignaturePort } from '../../../edge/verifier/webcrypto-signature.ts'
import { claimsOf, generateSigner, headerOf, issueToken, publicJwkOf, sealToken } from '../../../local/token-forge.ts'
import { createNodeSignaturePort } from '../../../server/lib/crypto/node-signature.ts'
import { buildVectors } from '../../lib/token-vectors.ts'

const NOW_SECONDS = 1_800_000_000
const NOW_MS = NOW_SECONDS * 1000
const SKEW_MS = CLOCK_SKEW_SECONDS * 1000
const issuer = 'https://auth.example.com'
const audience = 'https://api.example.com'
const signer = generateSigner('ES256', 'key-1')
const edSigner = generateSigner('EdDSA', 'key-2')
const claims = claimsOf({ issuer, audience, nowSeconds: NOW_SECONDS })
const genuine = issueToken(signer, claims)
const node = createNodeSignaturePort()

/** A verifier that remembers tokens, and counts its signature checks. */
function build(changes: Partial<TokenVerifierOptions> = {}, port: SignaturePort = node) {
  const counted = { signatures: 0 }
  const signature: SignaturePort = {
    importKey: jwk => port.importKey(jwk),
    verify: (key, input, bytes) => {
      counted.signatures += 1
      return port.verify(key, input, bytes)
    }
  }
  const keys = createInlineKeySet({ keys: [publicJwkOf(signer), publicJwkOf(edSigner)], signature })
  const { verify } = createTokenVerifier({
    issuer,
    audience,
    algorithms: ['ES256', 'EdDSA'],
    keys,
    signature,
    maxLifeSeconds: 900,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    rememberedTokens: 1_000,
    ...changes
  })
  return { verify, keys, counted }
}

for (const [name, port] of Object.entries({ node, webcrypto: createWebCryptoSignaturePort() })) {
  t.test(`a verifier that remembers gives every token the same result twice, over ${name}`, async t => {
    const options = { issuer, audience, maxLifeSeconds: 900, clockSkewSeconds: CLOCK_SKEW_SECONDS, signer, edSigner }
    const vectors = buildVectors({ ...options, nowSeconds: NOW_SECONDS })
    const [remembering, forgetful] = [build({}, port), build({ rememberedTokens: 0 }, port)]
    for (let round = 1; round <= 2; round++) {
      for (const { name, token, expected } of vectors) {
        const result = await remembering.verify(token, NOW_MS)
        t.equal(result.ok ? 'ok' : result.code, expected, `${round}: ${JSON.stringify(name)}`)
        t.strictSame(result, await forgetful.verify(token, NOW_MS))
      }
    }
    const good = vectors.filter(({ expected }) => expected === 'ok').length
    t.equal(forgetful.counted.signatures - remembering.counted.signatures, good, 'and checks each good one once')
  })
}

t.test('a token is remembered after its first success, and only with the option for it', async t => {
  for (const [rememberedTokens, signatures] of [
    [0, 3],
    [1_000, 1]
  ] as const) {
    const { verify, counted } = build({ rememberedTokens })
    for (let i = 0; i < 3; i++) t.strictSame(await verify(genuine, NOW_MS), { ok: true, claims, kid: 'key-1' })
    t.equal(counted.signatures, signatures)
  }
})

t.test('a refused token is not remembered', async t => {
  const { verify, counted } = build()
  const forged = issueToken(generateSigner('ES256', 'key-1'), claims)
  const expired = issueToken(signer, { ...claims, iat: NOW_SECONDS - 900, exp: NOW_SECONDS - 10 })
  for (const token of [forged, expired]) {
    for (let i = 0; i < 3; i++) t.match(await verify(token, NOW_MS), { ok: false })
  }
  t.equal(counted.signatures, 6)
})

t.test('a remembered token expires in the same millisecond as any other', async t => {
  const { verify, counted } = build()
  const endMs = claims.exp * 1000 + SKEW_MS
  t.match(await verify(genuine, NOW_MS), { ok: true })
  t.match(await verify(genuine, endMs - 1), { ok: true })
  t.match(await verify(genuine, endMs), { ok: false, code: 'token-expired' })
  t.match(await verify(genuine, Number.NaN), { ok: false }, 'nor does it hold under a clock that makes no sense')
  t.equal(counted.signatures, 1)
})

t.test('a remembered token is refused before its time under a clock that was set back', async t => {
  const { verify } = build()
  t.match(await verify(genuine, NOW_MS), { ok: true })
  t.match(await verify(genuine, NOW_MS - SKEW_MS), { ok: true })
  t.match(await verify(genuine, NOW_MS - SKEW_MS - 1), { code: 'token-invalid', reason: /"iat"/ })
  const later = sealToken(signer, headerOf(signer), {
    ...claims,
    iat: NOW_SECONDS - 60,
    exp: NOW_SECONDS + 800,
    nbf: NOW_SECONDS
  })
  t.match(await verify(later, NOW_MS), { ok: true })
  t.match(await verify(later, NOW_MS - SKEW_MS), { ok: true })
  t.match(await verify(later, NOW_MS - SKEW_MS - 1), { code: 'token-invalid', reason: /"nbf"/ })
})

t.test('removing its key ends a remembered token, and no token of another key', async t => {
  const { verify, keys } = build()
  const other = issueToken(edSigner, claims)
  for (const token of [genuine, other]) t.match(await verify(token, NOW_MS), { ok: true })
  if (!('remove' in keys)) throw new Error('an inline key set can remove keys')
  keys.remove('key-1')
  t.match(await verify(genuine, NOW_MS), { code: 'token-invalid', reason: 'the "kid" is not known' })
  t.match(await verify(other, NOW_MS), { ok: true })
})

t.test('another key under the same id ends a remembered token, an unchanged key does not', async t => {
  const port = createNodeSignaturePort()
  const ownKey = () => port.importKey(publicJwkOf(signer))
  const otherKey = await port.importKey(publicJwkOf(generateSigner('ES256', 'key-1')))
  let found: VerificationKey = await ownKey()
  const { verify, counted } = build({ keys: { find: () => found } })
  t.match(await verify(genuine, NOW_MS), { ok: true })
  found = await ownKey()
  t.match(await verify(genuine, NOW_MS), { ok: true })
  t.equal(counted.signatures, 2, 'but it is checked again')
  found = otherKey
  t.match(await verify(genuine, NOW_MS), { code: 'token-invalid', reason: 'the signature is wrong' })
})

t.test('a remembered token is verified again where its key takes time or is unavailable', async t => {
  const key = await node.importKey(publicJwkOf(signer))
  let find: KeySource['find'] = () => key
  const { verify, counted } = build({ keys: { find: (kid, nowMs) => find(kid, nowMs) } })
  await verify(genuine, NOW_MS)
  find = async () => key
  t.match(await verify(genuine, NOW_MS), { ok: true })
  t.equal(counted.signatures, 2)
  const failing: readonly KeySource['find'][] = [
    () => Promise.reject(new KeysUnavailableError('down')),
    () => {
      throw new KeysUnavailableError('down')
    }
  ]
  for (const failure of failing) {
    find = failure
    t.strictSame(await verify(genuine, NOW_MS), { ok: false, code: 'keys-unavailable', reason: 'down' })
  }
})

t.test('a caller cannot change the claims of a remembered token for the next caller', async t => {
  const { verify } = build()
  for (let i = 0; i < 2; i++) {
    const result = await verify(genuine, NOW_MS)
    if (!result.ok) throw new Error('a genuine token')
    t.ok(Object.isFrozen(result.claims))
    t.throws(() => Object.assign(result.claims, { role: 'admin' }), TypeError)
  }
  t.match(await verify(genuine, NOW_MS), { claims: { role: 'user' } })
})

t.test('a result cannot be changed', async t => {
  const { verify } = build()
  const first = await verify(genuine, NOW_MS)
  t.throws(() => Object.assign(first, { kid: 'key-2' }), TypeError)
  t.match(await verify(genuine, NOW_MS), { kid: 'key-1' })
})

t.test('the memory never exceeds its maximum', async t => {
  const { verify, counted } = build({ rememberedTokens: 10 })
  const tokens = Array.from({ length: 40 }, (_, i) => issueToken(edSigner, { ...claims, name: `n${i}` }))
  for (const token of tokens) await verify(token, NOW_MS)
  counted.signatures = 0
  for (const token of tokens.toReversed()) await verify(token, NOW_MS)
  t.ok(counted.signatures >= 30, `${40 - counted.signatures} of 40 were remembered`)
  t.ok(counted.signatures < 40)
})

t.test('a token that differs from a remembered one in one character is verified itself', async t => {
  const { verify, counted } = build()
  await verify(genuine, NOW_MS)
  for (const changed of [`${genuine} `, genuine.slice(0, -1), genuine.replace('.', '..'), genuine.toLowerCase()])
    t.match(await verify(changed, NOW_MS), { ok: false })
  const [header, payload, signature = ''] = genuine.split('.')
  const forged = `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  t.match(await verify(forged, NOW_MS), { ok: false })
  t.ok(counted.signatures >= 2)
})

t.test('createTokenVerifier() refuses an invalid number of remembered tokens', async t => {
  for (const rememberedTokens of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '10', null] as number[])
    t.throws(() => build({ rememberedTokens }), { name: 'TypeError', message: /"rememberedTokens"/ })
})
