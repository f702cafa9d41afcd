/** The problem catalogue against the HTTP contract, which stands here as data. */

import t from 'tap'
import { isProblemCode, PROBLEMS, problemBody } from '../../../edge/contract/problems.ts'

const CONTRACT: Readonly<Record<string, number>> = {
  'malformed-request': 400,
  'invalid-request': 422,
  'invalid-credentials': 401,
  'email-unverified': 403,
  'token-missing': 401,
  'token-invalid': 401,
  'token-expired': 401,
  'session-ended': 401,
  'refresh-invalid': 401,
  'password-incorrect': 403,
  'link-expired': 410,
  forbidden: 403,
  'cross-site-request': 403,
  'edge-required': 403,
  'captcha-required': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'email-taken': 409,
  'payload-too-large': 413,
  'uri-too-long': 414,
  'unsupported-media-type': 415,
  'headers-too-large': 431,
  'rate-limited': 429,
  'too-many-attempts': 429,
  internal: 500,
  unavailable: 503
}

/** Titles that the contract gives word for word. */
const TITLES: Readonly<Record<string, string>> = {
  'email-unverified': 'Please verify your email',
  'link-expired': 'This link has expired. Please request a new one',
  'too-many-attempts': 'Too many attempts. Please try again later',
  'token-expired': 'The access token has expired'
}

t.test('the catalogue has the codes and statuses of the contract, no more and no fewer', async t => {
  const statuses = Object.fromEntries(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]))
  t.same(statuses, CONTRACT)
})

t.test('titles are the words of the contract, and no two are alike', async t => {
  const titles = new Map(Object.entries(PROBLEMS).map(([code, { title }]) => [code, title]))
  for (const [code, title] of Object.entries(TITLES)) t.equal(titles.get(code), title)
  t.equal(new Set(titles.values()).size, titles.size)
})

t.test('problemBody() has the members of RFC 9457, our two, and the given extras', async t => {
  t.strictSame(problemBody('https://auth.example.com', 'token-expired', 'an-id'), {
    type: 'https://auth.example.com/problems/token-expired',
    title: 'The access token has expired',
    status: 401,
    code: 'token-expired',
    requestId: 'an-id'
  })
  const errors = [{ pointer: '/password', detail: 'is too short' }]
  t.strictSame(problemBody('', 'invalid-request', 'an-id', { errors }).errors, errors)
})

t.test('isProblemCode() accepts the catalogue, and no member that every object inherits', async t => {
  for (const code of Object.keys(CONTRACT)) t.ok(isProblemCode(code), code)
  for (const code of ['', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'Internal', 'internal ']) {
    t.notOk(isProblemCode(code), code)
  }
})
