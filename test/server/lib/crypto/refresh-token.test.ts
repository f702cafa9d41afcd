/** Refresh tokens as texts: ours are accepted, every other text is refused. Sessions are tested elsewhere. */

import t from 'tap'
import { deriveKeys } from '../../../../server/lib/crypto/derived-keys.ts'
import { createRefreshTokens } from '../../../../server/lib/crypto/refresh-token.ts'

const NEW_SECRET = 'a root secret that is the newest of all'
const OLD_SECRET = 'a root secret that was the newest before'
const ticket = { sessionId: '0199a8d4-1c00-7000-8000-0000000000b2', counter: 7 }
const tokens = createRefreshTokens(deriveKeys([NEW_SECRET]))

t.test('parse() returns the ticket that mint() received', async t => {
  for (const counter of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    t.strictSame(tokens.parse(tokens.mint({ ...ticket, counter })), { ...ticket, counter })
  }
})

t.test('mint() gives the same token for the same ticket, and another for every other', async t => {
  t.equal(tokens.mint(ticket), tokens.mint({ ...ticket }))
  t.not(tokens.mint(ticket), tokens.mint({ ...ticket, counter: 8 }))
  t.match(tokens.mint(ticket), /^[A-Za-z0-9_-]{70}$/)
})

t.test('parse() refuses a token with any one character changed', async t => {
  const token = tokens.mint(ticket)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  let opened = 0
  for (let i = 0; i < token.length; i++) {
    for (const character of alphabet) {
      if (character === token[i]) continue
      if (tokens.parse(token.slice(0, i) + character + token.slice(i + 1)) !== undefined) opened++
    }
  }
  t.equal(opened, 0, 'of all 4410 mutations')
})

t.test('parse() refuses every text that is not exactly one of its tokens', async t => {
  const token = tokens.mint(ticket)
  const hostile = [
    '',
    'x',
    token.slice(1),
    token.slice(0, -1),
    `${token}A`,
    `${token}=`,
    ` ${token}`,
    `${token}\n`,
    token.toUpperCase(),
    token.toLowerCase(),
    `${token}${token}`,
    '__proto__',
    '\ud800',
    '\0'.repeat(70),
    'A'.repeat(70),
    'ａ'.repeat(70),
    'A'.repeat(1_000_000)
  ]
  for (const text of hostile) t.equal(tokens.parse(text), undefined, JSON.stringify(text.slice(0, 80)))
})

t.test('parse() accepts a token under an older root secret, and refuses one under a secret that is gone', async t => {
  const old = createRefreshTokens(deriveKeys([OLD_SECRET])).mint(ticket)
  const rotated = createRefreshTokens(deriveKeys([NEW_SECRET, OLD_SECRET]))
  t.strictSame(rotated.parse(old), ticket)
  t.equal(tokens.parse(old), undefined)
  t.equal(rotated.mint(ticket), tokens.mint(ticket), 'new tokens are made with the newest')
})
