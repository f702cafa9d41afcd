/**
 * The verifier over both signature ports and one table of tokens; key sets have tests of their own.
 *
 * Over 200 lines: one rule for each test, all over one verifier.
 */

import t from 'tap'
import { ACCESS_TOKEN_TYPE, type AccessClaims, CLOCK_SKEW_SECONDS } from '../../../edge/contract/claims.ts'
import { createInlineKeySet } from '../../../edge/verifier/inline-key-set.ts'
import { type KeySource, KeysUnavailableError } from '../../../edge/verifier/key-source.ts'
import type { Mismatch } from '../../../edge/verifier/mismatch.ts'
import type { SignaturePort } from '../../../edge/verifier/signature-port.ts'
import type { TokenVerifierOptions } from '../../../edge/verifier/verifier-options.ts'
import { createTokenVerifier } from '../../../edge/verifier/verify-token.ts'
import { createWebCryptoSignaturePort } from '../../../edge/verifier/webcrypto-signature.ts'
import { claimsOf, generateSigner, headerOf, issueToken, publicJwkOf, sealToken } from '../../../local/token-forge.ts'
import { createNodeSignaturePort } from '../../../server/lib/crypto/node-signature.ts'
import { buildVectors } from '../../lib/token-vectors.ts'

const NOW_SECONDS = 1_800_000_000
const NOW_MS = NOW_SECONDS * 1000
const issuer = 'https://auth.example.com'
const audience = 'https://api.example.com'
const signer = generateSigner('ES256', 'key-1')
const edSigner = generateSigner('EdDSA', 'key-2')

const PORTS = { node: createNodeSignaturePort(), webcrypto: createWebCryptoSignaturePort() }

function optionsWith(changes: Partial<TokenVerifierOptions> = {}): TokenVerifierOptions {
  const signature = changes.signature ?? PORTS.node
  return {
    issuer,
    audience,
    algorithms: ['ES256', 'EdDSA'],
    keys: createInlineKeySet({ keys: [publicJwkOf(signer), publicJwkOf(edSigner)], signature }),
    signature,
    maxLifeSeconds: 900,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    ...changes
  }
}

const claims = claimsOf({ issuer, audience, nowSeconds: NOW_SECONDS })
const genuine = issueToken(signer, claims)

const vectors = buildVectors({
  issuer,
  audience,
  nowSeconds: NOW_SECONDS,
  maxLifeSeconds: 900,
  clockSkewSeconds: CLOCK_SKEW_SECONDS,
  signer,
  edSigner
})

/** The result of `verify()` at `NOW_MS`, in one word. */
async function codeOf(token: string, changes?: Partial<TokenVerifierOptions>): Promise<string> {
  const result = await createTokenVerifier(optionsWith(changes)).verify(token, NOW_MS)
  return result.ok ? 'ok' : result.code
}

t.test('buildVectors() makes a large table without a duplicate', async t => {
  const count = (expected: string) => vectors.filter(vector => vector.expected === expected).length
  t.ok(count('token-invalid') >= 150, 'hostile tokens')
  t.ok(count('ok') >= 20, 'good tokens')
  t.ok(count('token-expired') >= 5, 'expired tokens')
  t.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length, 'names')
  t.equal(new Set(vectors.map(({ token }) => token)).size, vectors.length, 'tokens')
})

for (const [name, signature] of Object.entries(PORTS)) {
  t.test(`verify() over ${name} gives every token the result of the table`, async t => {
    const verifier = createTokenVerifier(optionsWith({ signature }))
    for (const vector of vectors) {
      const result = await verifier.verify(vector.token, NOW_MS)
      const said = result.ok ? 'ok' : `${result.code} (${result.reason})`
      t.equal(result.ok ? 'ok' : result.code, vector.expected, `${JSON.stringify(vector.name)}: ${said}`)
    }
  })
}

t.test('verify() gives the same result over both ports, the reason included', async t => {
  const node = createTokenVerifier(optionsWith({ signature: PORTS.node }))
  const webcrypto = createTokenVerifier(optionsWith({ signature: PORTS.webcrypto }))
  for (const { name, token } of vectors) {
    t.strictSame(await node.verify(token, NOW_MS), await webcrypto.verify(token, NOW_MS), JSON.stringify(name))
  }
})

t.test('verify() returns the claims and the id of the key', async t => {
  const { verify } = createTokenVerifier(optionsWith())
  t.strictSame(await verify(genuine, NOW_MS), { ok: true, claims, kid: 'key-1' })
  t.strictSame(await verify(issueToken(edSigner, claims), NOW_MS), { ok: true, claims, kid: 'key-2' })
  const token = sealToken(signer, headerOf(signer), { ...claims, scope: 'all', nbf: NOW_SECONDS })
  t.strictSame(await verify(token, NOW_MS), { ok: true, claims, kid: 'key-1' }, 'and nothing that it did not check')
})

for (const [name, signature] of Object.entries(PORTS)) {
  t.test(`verify() over ${name} keeps simultaneous verifications apart`, async t => {
    const { verify } = createTokenVerifier(optionsWith({ signature }))
    const names = ['', 'Ada', 'Zoë 👩‍🚀', 'Ł'.repeat(900), 'x'.repeat(2000)]
    const people = names.map(name => ({ ...claims, name }))
    const tokens = people.map((person, i) => issueToken(i % 2 ? edSigner : signer, person))
    const forged = tokens.map((token, i) => token.replace(/[^.]*$/, tokens.at(i - 2)?.split('.')[2] ?? ''))
    const results = await Promise.all([...tokens, ...forged, ...tokens].map(token => verify(token, NOW_MS)))
    const said = results.map(result => (result.ok ? result.claims : result.code))
    t.strictSame(said, [...people, ...forged.map(() => 'token-invalid'), ...people])
  })
}

t.test('verify() reads the signed claims, even if other tokens arrive during the signature check', async t => {
  const { promise: checked, resolve: confirm } = Promise.withResolvers<boolean>()
  const slow: SignaturePort = { ...PORTS.node, verify: () => checked }
  const { verify } = createTokenVerifier(optionsWith({ signature: slow }))
  const results = [genuine, issueToken(signer, { ...claims, name: 'Somebody Else', role: 'admin' })].map(token =>
    verify(token, NOW_MS)
  )
  t.match(await verify('not.a.token', NOW_MS), { ok: false })
  confirm(true)
  t.match(await Promise.all(results), [{ claims }, { claims: { ...claims, name: 'Somebody Else', role: 'admin' } }])
})

t.test('verify() accepts the type of the contract', async t => {
  t.equal(await codeOf(sealToken(signer, { ...headerOf(signer), typ: ACCESS_TOKEN_TYPE }, claims)), 'ok')
})

t.test('verify() never throws, for any value in place of a token', async t => {
  const { verify } = createTokenVerifier(optionsWith())
  const values: readonly unknown[] = [
    undefined,
    null,
    0,
    Number.NaN,
    true,
    {},
    [],
    [genuine],
    Symbol('x'),
    () => genuine
  ]
  for (const value of [...values, new String(genuine), Buffer.from(genuine), Object.create(null)]) {
    t.match(await verify(value as string, NOW_MS), { ok: false, code: 'token-invalid' })
  }
})

t.test('verify() quotes no part of a token in a reason', async t => {
  const { verify } = createTokenVerifier(optionsWith())
  const marked = { ...claims, email: 'MARK@example.com', name: 'MARK', sub: 'MARK', iss: 'MARK' }
  const tokens = [
    sealToken(signer, headerOf(signer), marked),
    sealToken(signer, { ...headerOf(signer), kid: 'MARK' }, claims),
    sealToken(signer, { ...headerOf(signer), alg: 'MARK' }, claims),
    sealToken(signer, { ...headerOf(signer), typ: 'MARK' }, claims),
    sealToken(signer, headerOf(signer), { ...claims, aud: 'MARK' }),
    sealToken(signer, headerOf(signer), '{"MARK"'),
    'MARK.MARK.MARK'
  ]
  for (const token of tokens) {
    const result = await verify(token, NOW_MS)
    t.notOk(result.ok)
    t.notMatch(result, { reason: /MARK/ })
  }
})

t.test('verify() accepts a token from the first to the last millisecond of its life and skew', async t => {
  const { verify } = createTokenVerifier(optionsWith())
  const firstMs = (claims.iat - CLOCK_SKEW_SECONDS) * 1000
  const endMs = (claims.exp + CLOCK_SKEW_SECONDS) * 1000
  t.match(await verify(genuine, firstMs - 1), { ok: false, code: 'token-invalid' })
  t.match(await verify(genuine, firstMs), { ok: true })
  t.match(await verify(genuine, endMs - 1), { ok: true })
  t.match(await verify(genuine, endMs), { ok: false, code: 'token-expired' })
})

t.test('verify() refuses every token under an invalid clock', async t => {
  const { verify } = createTokenVerifier(optionsWith())
  for (const nowMs of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1]) {
    t.match(await verify(genuine, nowMs), { ok: false }, String(nowMs))
  }
})

t.test('verify() applies a skew of 0 and a short life exactly', async t => {
  const strict = { clockSkewSeconds: 0, maxLifeSeconds: 60 }
  const token = (iat: number, exp: number) => issueToken(signer, { ...claims, iat, exp })
  t.equal(await codeOf(token(NOW_SECONDS, NOW_SECONDS + 60), strict), 'ok')
  t.equal(await codeOf(token(NOW_SECONDS, NOW_SECONDS + 61), strict), 'token-invalid')
  t.equal(await codeOf(token(NOW_SECONDS - 60, NOW_SECONDS), strict), 'token-expired')
  t.equal(await codeOf(token(NOW_SECONDS + 1, NOW_SECONDS + 2), strict), 'token-invalid')
})

t.test('verify() accepts only the algorithms of its options', async t => {
  t.equal(await codeOf(issueToken(edSigner, claims), { algorithms: ['ES256'] }), 'token-invalid')
  t.equal(await codeOf(genuine, { algorithms: ['EdDSA'] }), 'token-invalid')
  t.equal(await codeOf(genuine, { algorithms: ['ES256'] }), 'ok')
})

t.test('verify() with the audience null accepts any audience, but not a missing one', async t => {
  const withAud = (aud: unknown) => sealToken(signer, headerOf(signer), { ...claims, aud })
  t.equal(await codeOf(withAud('https://other.example'), { audience: null }), 'ok')
  t.equal(await codeOf(withAud('https://other.example')), 'token-invalid')
  for (const aud of [undefined, '', null, ['x']])
    t.equal(await codeOf(withAud(aud), { audience: null }), 'token-invalid')
})

t.test('verify() answers keys-unavailable where no key could be loaded, with the reason', async t => {
  const failing: Readonly<Record<string, KeySource['find']>> = {
    'key set down': () => Promise.reject(new KeysUnavailableError('key set down')),
    'thrown at once': () => {
      throw new KeysUnavailableError('thrown at once')
    },
    'the key source failed: RangeError': () => Promise.reject(new RangeError('x')),
    'the key source failed: string': () => Promise.reject('x')
  }
  for (const [reason, find] of Object.entries(failing)) {
    const { verify } = createTokenVerifier(optionsWith({ keys: { find } }))
    t.strictSame(await verify(genuine, NOW_MS), { ok: false, code: 'keys-unavailable', reason })
    t.match(await verify('garbage', NOW_MS), { code: 'token-invalid' }, 'garbage is refused without asking for keys')
  }
})

t.test('verify() refuses a key that is not bound to this kid and this algorithm', async t => {
  const key = await PORTS.node.importKey(publicJwkOf(signer))
  for (const wrong of [{ kid: 'other' }, { algorithm: 'EdDSA' as const }]) {
    t.equal(await codeOf(genuine, { keys: { find: () => ({ ...key, ...wrong }) } }), 'token-invalid')
  }
  t.equal(await codeOf(genuine, { keys: { find: () => key } }), 'ok')
})

t.test('verify() looks up no key for an invalid id', async t => {
  const asked: string[] = []
  const keys: KeySource = { find: kid => void asked.push(kid) }
  for (const kid of ['', null, undefined, 0, true, ['key-1'], { kid: 'key-1' }]) {
    t.equal(await codeOf(sealToken(signer, { ...headerOf(signer), kid }, claims), { keys }), 'token-invalid')
  }
  t.strictSame(asked, [])
})

t.test('verify() accepts a signature only where the port returns true', async t => {
  const answers: Readonly<Record<string, () => unknown>> = {
    throws: () => {
      throw new Error('x')
    },
    rejects: () => Promise.reject(new Error('x')),
    undefined: () => undefined,
    truthy: () => 1,
    'a truthy promise': () => Promise.resolve('yes')
  }
  for (const [what, verify] of Object.entries(answers)) {
    const port = { importKey: PORTS.node.importKey, verify } as unknown as SignaturePort
    t.equal(await codeOf(genuine, { signature: port }), 'token-invalid', what)
  }
})

t.test('verify() reads no claim before the signature is verified', async t => {
  const opened: string[] = []
  const port: SignaturePort = {
    ...PORTS.node,
    verify: () => {
      opened.push('signature')
      return false
    }
  }
  const { verify } = createTokenVerifier(optionsWith({ signature: port }))
  t.match(await verify(sealToken(signer, headerOf(signer), 'not JSON'), NOW_MS), { reason: 'the signature is wrong' })
  t.strictSame(opened, ['signature'])
})

t.test('createTokenVerifier() neither compiles nor runs without each security option', async t => {
  const { issuer: _issuer, ...withoutIssuer } = optionsWith()
  const { audience: _audience, ...withoutAudience } = optionsWith()
  const { algorithms: _algorithms, ...withoutAlgorithms } = optionsWith()
  const { maxLifeSeconds: _life, ...withoutLife } = optionsWith()
  const { clockSkewSeconds: _skew, ...withoutSkew } = optionsWith()
  const { keys: _keys, ...withoutKeys } = optionsWith()
  const { signature: _signature, ...withoutSignature } = optionsWith()

  // @ts-expect-error: no issuer
  t.throws(() => createTokenVerifier(withoutIssuer), { name: 'TypeError', message: /"issuer"/ })
  // @ts-expect-error: no audience
  t.throws(() => createTokenVerifier(withoutAudience), { name: 'TypeError', message: /"audience"/ })
  // @ts-expect-error: no algorithms
  t.throws(() => createTokenVerifier(withoutAlgorithms), { name: 'TypeError', message: /"algorithms"/ })
  // @ts-expect-error: no longest life
  t.throws(() => createTokenVerifier(withoutLife), { name: 'TypeError', message: /"maxLifeSeconds"/ })
  // @ts-expect-error: no skew
  t.throws(() => createTokenVerifier(withoutSkew), { name: 'TypeError', message: /"clockSkewSeconds"/ })
  // @ts-expect-error: no keys
  t.throws(() => createTokenVerifier(withoutKeys), { name: 'TypeError', message: /"keys"/ })
  // @ts-expect-error: no signature port
  t.throws(() => createTokenVerifier(withoutSignature), { name: 'TypeError', message: /"signature"/ })
  // @ts-expect-error: an algorithm that does not exist here
  t.throws(() => createTokenVerifier(optionsWith({ algorithms: ['HS256'] })), TypeError)
  // @ts-expect-error: an audience left undefined
  t.throws(() => createTokenVerifier({ ...optionsWith(), audience: undefined }), TypeError)
})

t.test('createTokenVerifier() refuses options that would disable a check', async t => {
  const wrong: readonly Partial<Record<keyof TokenVerifierOptions, unknown>>[] = [
    { issuer: '' },
    { issuer: null },
    { audience: '' },
    { audience: ['x'] },
    { algorithms: [] },
    { algorithms: ['none'] },
    { algorithms: ['ES256', 'HS256'] },
    { algorithms: ['__proto__'] },
    { algorithms: 'ES256' },
    { maxLifeSeconds: 0 },
    { maxLifeSeconds: Number.POSITIVE_INFINITY },
    { maxLifeSeconds: Number.NaN },
    { maxLifeSeconds: '900' },
    { clockSkewSeconds: -1 },
    { clockSkewSeconds: Number.POSITIVE_INFINITY },
    { clockSkewSeconds: Number.NaN }
  ]
  for (const changes of wrong) {
    const options = { ...optionsWith(), ...changes } as TokenVerifierOptions
    t.throws(() => createTokenVerifier(options), { name: 'TypeError', message: /^Cannot create a token verifier/ })
  }
})

t.test('createTokenVerifier() refuses an unknown option, and names it', async t => {
  for (const name of ['isuer', 'clockTolerance', 'rememberedToken', 'nowMs']) {
    const options = { ...optionsWith(), [name]: 1 }
    t.throws(() => createTokenVerifier(options), { name: 'TypeError', message: `"${name}" is not an option` }, name)
  }
})

t.test('a genuine token that an option refuses is reported with both values', async t => {
  const reported: Mismatch[] = []
  const onMismatch = (mismatch: Mismatch) => reported.push(mismatch)
  const long = issueToken(signer, { ...claims, exp: claims.iat + 901 })
  for (const [changes, token] of [
    [{ issuer: 'https://auth.example.com/' }, genuine],
    [{ audience: 'https://other.example' }, genuine],
    [{}, long],
    [{ issuer: 'x', audience: 'y' }, genuine]
  ] as const)
    t.equal(await codeOf(token, { ...changes, onMismatch }), 'token-invalid')
  t.strictSame(reported, [
    { claim: 'iss', expected: 'https://auth.example.com/', found: issuer },
    { claim: 'aud', expected: 'https://other.example', found: audience },
    { claim: 'life', expected: '1 to 900', found: '901' },
    { claim: 'iss', expected: 'x', found: issuer }
  ])
})

t.test('a mismatch is reported once a minute, and never for a forged or a valid token', async t => {
  const reported: string[] = []
  const { verify } = createTokenVerifier(optionsWith({ onMismatch: ({ found }) => reported.push(found) }))
  const other = issueToken(signer, { ...claims, iss: 'https://other.example' })
  const [header = '', payload = ''] = other.split('.')
  const forged = [
    issueToken(generateSigner('ES256', 'key-1'), { ...claims, iss: 'https://evil.example' }),
    `${header}.${payload}.${genuine.split('.')[2]}`,
    `${header}.${payload}.`,
    sealToken(signer, { ...headerOf(signer), kid: 'unknown' }, { ...claims, iss: 'x' })
  ]
  for (const token of [...forged, genuine]) await verify(token, NOW_MS)
  t.strictSame(reported, [])
  for (const afterMs of [0, 1, 59_999, 60_000, 60_001, 119_999, 120_000]) await verify(other, NOW_MS + afterMs)
  t.equal(reported.length, 3, 'at 0, 60,000 and 120,000 ms')
})

t.test('a reported value is printable and short', async t => {
  const hostile = ['\n{"level":"error"}', '\u001b[2J', '\u009b2J', '\u202e', '\r', 'x'.repeat(2_000), '\u{1f600}']
  for (const iss of hostile) {
    const reported: Mismatch[] = []
    await codeOf(issueToken(signer, { ...claims, iss }), { onMismatch: mismatch => reported.push(mismatch) })
    t.equal(reported.length, 1)
    t.match(reported[0]?.found, /^[ -~]{1,2048}$/, JSON.stringify(iss.slice(0, 20)))
  }
})

t.test('verify() answers token-expired only where every other check passes', async t => {
  const expired: AccessClaims = { ...claims, iat: NOW_SECONDS - 3600, exp: NOW_SECONDS - 3000 }
  t.equal(await codeOf(issueToken(signer, expired)), 'token-expired')
  for (const changes of [{ iss: 'x' }, { aud: 'x' }, { role: 'x' }, { nbf: NOW_SECONDS + 60 }, { sid: 'x' }]) {
    t.equal(await codeOf(sealToken(signer, headerOf(signer), { ...expired, ...changes })), 'token-invalid')
  }
  t.equal(await codeOf(issueToken(generateSigner('ES256', 'key-1'), expired)), 'token-invalid')
})
