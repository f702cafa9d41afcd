/** The types of an access token's claims; issuer, audience and times are tested with the verifier. */

import t from 'tap'
import { parseAccessClaims } from '../../../edge/contract/claims.ts'
import { isUuid } from '../../../edge/contract/uuid.ts'
import { claimsOf } from '../../../local/token-forge.ts'

const claims = claimsOf({ issuer: 'https://a.example', audience: 'https://b.example', nowSeconds: 1_800_000_000 })

const accepts = (changes: object) => parseAccessClaims({ ...claims, ...changes }).ok

t.test('parseAccessClaims() returns the claims, and no unknown ones', async t => {
  t.strictSame(parseAccessClaims({ ...claims, scope: 'all', nbf: 1 }), { ok: true, value: claims })
})

t.test('parseAccessClaims() names any missing claim', async t => {
  for (const name of Object.keys(claims)) {
    const { [name]: _, ...rest } = Object.fromEntries(Object.entries(claims))
    t.strictSame(parseAccessClaims(rest), { ok: false, reason: `the claim "${name}" is missing` })
  }
})

t.test('parseAccessClaims() reads own properties only', async t => {
  for (const [name, value] of Object.entries(claims)) {
    const { [name]: _, ...rest } = Object.fromEntries(Object.entries(claims))
    t.notOk(parseAccessClaims(Object.assign(Object.create({ [name]: value }), rest)).ok, name)
  }
})

t.test('parseAccessClaims() refuses every value that is not an object', async t => {
  for (const value of [undefined, null, true, 0, Number.NaN, '', '{}', [], [claims], Symbol('x'), () => claims]) {
    t.strictSame(parseAccessClaims(value), { ok: false, reason: 'the claims are not an object' })
  }
})

t.test('parseAccessClaims() accepts ids in exactly the spelling of isUuid()', async t => {
  const upper = claims.sub.toUpperCase()
  const ids = [claims.sub, upper, `${claims.sub}\n`, `{${claims.sub}}`, claims.sub.replace('-7', '-0'), '', '__proto__']
  for (const name of ['sub', 'sid', 'jti']) {
    for (const id of ids) t.equal(accepts({ [name]: id }), isUuid(id), `${name} ${JSON.stringify(id)}`)
  }
})

t.test(
  'parseAccessClaims() accepts times and counters from zero to the last safe integer, and nothing between or beyond',
  async t => {
    for (const name of ['iat', 'exp', 'rot']) {
      for (const time of [0, 1, 2 ** 31, Number.MAX_SAFE_INTEGER]) t.ok(accepts({ [name]: time }), `${name} ${time}`)
      for (const time of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 1n, '1', null]) {
        t.notOk(accepts({ [name]: time }), `${name} ${String(time)}`)
      }
    }
  }
)

t.test('parseAccessClaims() refuses text that has no faithful form', async t => {
  for (const name of ['iss', 'aud', 'client_id', 'email', 'name']) {
    for (const text of ['\ud800', 'a\udc00b', '\0', 'a\0']) t.notOk(accepts({ [name]: text }), name)
    t.ok(accepts({ [name]: '👩🏽‍🚀' }), `${name} with whole surrogate pairs`)
  }
})

t.test('parseAccessClaims() refuses empty texts, except for the name', async t => {
  const emptied = Object.keys(claims).filter(name => accepts({ [name]: '' }))
  t.strictSame(emptied, ['name'])
})

t.test('parseAccessClaims() accepts one audience, not a list', async t => {
  for (const aud of [[claims.aud], [claims.aud, claims.aud], [], { 0: claims.aud }]) t.notOk(accepts({ aud }))
})
