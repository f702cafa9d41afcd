/** One table of tokens, three places: the Worker in Node, the Worker in workerd, and a real origin on a socket. */

import { createPrivateKey } from 'node:crypto'
import postgres from 'postgres'
import t from 'tap'
import type { Signer } from '../../local/token-forge.ts'
import { deriveKeys } from '../../server/lib/crypto/derived-keys.ts'
import { createSealedBox } from '../../server/lib/crypto/sealed-box.ts'
import { type Edge, edgeBindings, PLACES } from '../edge/lib/edge-places.ts'
import { openTinyOrigin } from '../edge/lib/tiny-origin.ts'
import { openTestOrigin, type TestOrigin } from '../lib/test-origin.ts'
import { buildVectors, type TokenVector } from '../lib/token-vectors.ts'

const PATH = '/api/v1/auth/verify-token'
/** Longer headers are refused before the token is read. */
const MAX_HEADER_BYTES = 9_000
/** So that no token is refused by a quota. */
const WIDE_QUOTAS = { EDGE_QUOTA_ADDRESS: '1000000/60', EDGE_QUOTA_AUTH: '1000000/60', EDGE_QUOTA_USER: '1000000/60' }
/** Pending requests at a time. */
const ABREAST = 8

const origin = await openTestOrigin(t)
const vectors = await buildTable(origin)

t.test('every token has the same result at the edge in Node, at the edge in workerd, and at the origin', async t => {
  // Behind the edges is another origin, which accepts everything. Every refusal is one of the edge.
  const credulous = await openTinyOrigin(t)
  const bindings = {
    ...edgeBindings(credulous.url, origin.redis),
    JWKS_URL: `${origin.url}/.well-known/jwks.json`,
    ...WIDE_QUOTAS
  }

  const places: Record<string, Edge['send']> = { origin: (path, init) => fetch(origin.url + path, init) }
  for (const place of PLACES) places[place.name] = (await place.open(t, bindings)).send
  for (const [name, send] of Object.entries(places)) {
    await t.test(name, async t => {
      const before = credulous.requests.length
      const results = await ask(send, vectors)
      const expected = Object.fromEntries(vectors.map(({ name, expected }) => [name, expected]))
      t.strictSame(results, expected)
      const good = vectors.filter(({ expected }) => expected === 'ok').length
      t.equal(credulous.requests.length - before, name === 'origin' ? 0 : good, 'and only the good ones were forwarded')
    })
  }
  const count = (expected: string) => vectors.filter(vector => vector.expected === expected).length
  t.ok(count('ok') > 20 && count('token-expired') >= 3 && count('token-invalid') > 300, `${vectors.length} tokens`)
  for (const name of ['alg: "none"', 'alg: "HS256"', 'typ: "JWT"'])
    t.ok(
      vectors.some(one => one.name === name),
      name
    )
})

t.test('a refusal is the same problem in every place, challenge and all', async t => {
  const bindings = { ...edgeBindings(origin.url, origin.redis), ...WIDE_QUOTAS }
  const [expired] = vectors.filter(({ expected }) => expected === 'token-expired')
  const cases: Readonly<Record<string, Record<string, string>>> = {
    'token-missing': {},
    'token-invalid': { authorization: 'Bearer a.b.c' },
    'token-expired': { authorization: `Bearer ${expired?.token}` }
  }
  const sends: Edge['send'][] = [(path, init) => fetch(origin.url + path, init)]
  for (const place of PLACES) sends.push((await place.open(t, bindings)).send)
  for (const [code, headers] of Object.entries(cases)) {
    const answers = await Promise.all(
      sends.map(async send => {
        const response = await send(PATH, { headers })
        const { requestId, ...body } = (await response.json()) as Record<string, unknown>
        const names = [
          'content-type',
          'www-authenticate',
          'cache-control',
          'x-content-type-options',
          'content-security-policy'
        ]
        t.equal(response.headers.get('x-request-id'), requestId)
        return { status: response.status, body, headers: names.map(name => response.headers.get(name)) }
      })
    )
    t.match(answers[0], { status: 401, body: { code } })
    for (const answer of answers.slice(1)) t.strictSame(answer, answers[0], code)
  }
})

/** The table, with its valid tokens signed by the origin's own key. */
async function buildTable(origin: TestOrigin): Promise<readonly TokenVector[]> {
  const vectors = buildVectors({
    issuer: origin.config.publicUrl,
    audience: origin.config.tokenAudience,
    nowSeconds: Math.floor(Date.now() / 1000),
    maxLifeSeconds: origin.config.accessTokenTtl,
    clockSkewSeconds: 5,
    signer: await signerOf(origin)
  })
  return vectors.filter(
    ({ fitsHeader, exactClock, token }) => fitsHeader && !exactClock && token.length < MAX_HEADER_BYTES
  )
}

async function signerOf({ config, databaseUrl }: TestOrigin): Promise<Signer> {
  const sql = postgres(databaseUrl, { max: 1 })
  try {
    const [row] = await sql`select kid, sealed_private_key from signing_keys where state = 'active'`
    const kid = String(row?.kid)
    const pem = createSealedBox(deriveKeys(config.rootSecrets)).unseal(row?.sealed_private_key, `signing-key:${kid}`)
    return { kid, algorithm: 'ES256', privateKey: createPrivateKey(pem) }
  } finally {
    await sql.end()
  }
}

/** The result for each token at one place: `ok`, or the code of its problem. */
async function ask(send: Edge['send'], vectors: readonly TokenVector[]): Promise<Record<string, string>> {
  const results: Record<string, string> = {}
  for (let i = 0; i < vectors.length; i += ABREAST) {
    await Promise.all(
      vectors.slice(i, i + ABREAST).map(async ({ name, token }) => {
        results[name] = await resultOf(send, token)
      })
    )
  }
  return results
}

/** A busy machine may miss the deadline of the store, which proves nothing about the token. It is sent again. */
async function resultOf(send: Edge['send'], token: string): Promise<string> {
  let result = ''
  for (let tries = 0; tries < 5; tries++) {
    const response = await send(PATH, { headers: { authorization: `Bearer ${token}` } })
    const text = await response.text()
    result = response.status === 200 ? 'ok' : codeOf(text)
    if (result !== 'unavailable') return result
  }
  return result
}

function codeOf(text: string): string {
  try {
    return String(JSON.parse(text).code)
  } catch {
    return text
  }
}
