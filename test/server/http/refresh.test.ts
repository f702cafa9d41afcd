/**
 * Refreshing over HTTP: no client is logged out by accident, and a copied token ends the session.
 *
 * Over 200 lines: one origin serves every case of one rule.
 */

import t from 'tap'
import { call, type SignedUp, signUp } from '../../lib/person.ts'
import { until } from '../../lib/until.ts'
import { openSubject } from './subject.ts'

const { url, mailbox, sql } = await openSubject(t)
const AUTH = '/api/v1/auth'
const refresh = (refreshToken: string) => call(url, 'POST', `${AUTH}/refresh`, { body: { refreshToken } })
const isLive = async (token: string) => (await call(url, 'GET', `${AUTH}/verify-token`, { token })).status === 200
const sessionOf = ({ accessToken }: Pick<SignedUp, 'accessToken'>): string => claimsOf(accessToken).sid
const cookie = (token: string) => ({ headers: { cookie: `__Host-refresh=${token}` } })
const claimsOf = (accessToken: string) =>
  JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
const REFUSED = { status: 401, body: { code: 'refresh-invalid' } }

/** Ages a session, as if its last rotation had been `seconds` ago. */
const rotatedAgo = (session: string, seconds: number) =>
  sql`update sessions set rotated_at = rotated_at - make_interval(secs => ${seconds}) where id = ${session}`

/** Rotates, uses the new token, and lets the grace of the old one pass. */
async function reused(ada: SignedUp) {
  const answer = await refresh(ada.refreshToken)
  await refresh(answer.body.refreshToken)
  await rotatedAgo(sessionOf(ada), 60)
  return answer
}

t.test('refresh() gives a new access token and a new refresh token, in the body and in the cookie', async t => {
  const ada = await signUp(url, mailbox)
  const { status, body, headers } = await refresh(ada.refreshToken)
  t.equal(status, 200)
  t.strictSame(Object.keys(body).sort(), ['accessToken', 'expiresIn', 'refreshToken', 'tokenType'])
  t.not(body.refreshToken, ada.refreshToken)
  t.match(headers.get('set-cookie'), `__Host-refresh=${body.refreshToken}; `)
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(sessionOf(body), sessionOf(ada), 'of the same session')
  t.ok(await isLive(body.accessToken))
  t.equal((await refresh(body.refreshToken)).status, 200)
})

t.test('a young token is kept, as often as it is presented, and is not set again', async t => {
  const ada = await signUp(url, mailbox)
  const { body } = await refresh(ada.refreshToken)
  for (let i = 0; i < 3; i++) {
    const again = await call(url, 'POST', `${AUTH}/refresh`, cookie(body.refreshToken))
    t.match(again, { status: 200, body: { refreshToken: body.refreshToken } })
    t.equal(again.headers.get('set-cookie'), null, 'a late answer must not put back an old cookie')
  }
  await rotatedAgo(sessionOf(ada), 60)
  t.not((await refresh(body.refreshToken)).body.refreshToken, body.refreshToken, 'after the grace it rotates')
})

t.test('three tabs may refresh twice each, at once, and stay signed in', async t => {
  const ada = await signUp(url, mailbox)
  const tab = async () => {
    const first = await refresh(ada.refreshToken)
    return [first, await refresh(first.body.refreshToken)]
  }
  const answers = (await Promise.all([tab(), tab(), tab()])).flat()
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200]
  )
  t.equal(new Set(answers.map(({ body }) => body.refreshToken)).size, 1, 'all of them hold one token')
})

t.test('a lost answer may be asked for again, however late', async t => {
  const ada = await signUp(url, mailbox)
  const lost = await refresh(ada.refreshToken)
  for (const seconds of [11, 3600]) {
    await rotatedAgo(sessionOf(ada), seconds)
    const again = await refresh(ada.refreshToken)
    t.match(again, { status: 200, body: { refreshToken: lost.body.refreshToken } }, `after ${seconds} s`)
  }
})

t.test('a token is confirmed by its use, and its predecessor is then valid for its grace only', async t => {
  const ada = await signUp(url, mailbox)
  const { body } = await refresh(ada.refreshToken)
  await refresh(body.refreshToken)
  await rotatedAgo(sessionOf(ada), 59)
  t.equal((await refresh(ada.refreshToken)).status, 200)
  await rotatedAgo(sessionOf(ada), 1)
  t.match(await refresh(ada.refreshToken), REFUSED)
})

t.test('an access token that the origin sees confirms the refresh token that came with it', async t => {
  const ada = await signUp(url, mailbox)
  const { body } = await refresh(ada.refreshToken)
  t.ok(await isLive(ada.accessToken), 'that of the predecessor confirms nothing')
  t.ok(await isLive(body.accessToken))
  await until('the first sight is written', async () => {
    const [row] = await sql`select refresh_confirmed from sessions where id = ${sessionOf(ada)}`
    return row?.refresh_confirmed
  })
  await rotatedAgo(sessionOf(ada), 60)
  t.match(await refresh(ada.refreshToken), REFUSED)
})

t.test('parallel refreshes of one token give one successor', async t => {
  const ada = await signUp(url, mailbox)
  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(ada.refreshToken)))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(new Set(answers.map(({ body }) => body.refreshToken)).size, 1)
  const [row] = await sql`select refresh_counter from sessions where id = ${sessionOf(ada)}`
  t.equal(row?.refresh_counter, 1)
})

t.test(
  'a used token counts as stolen after its grace: the session ends everywhere and its owner is notified',
  async t => {
    const ada = await signUp(url, mailbox)
    const { body } = await reused(ada)
    t.match(await refresh(ada.refreshToken), REFUSED)
    t.notOk(await isLive(body.accessToken))
    t.match(await refresh(body.refreshToken), REFUSED, 'the thief and the owner alike')
    const mail = await until('the owner is notified', () =>
      mailbox.messages(ada.email).find(({ subject }) => /ended one of your sessions/.test(subject))
    )
    t.notMatch(mail.text, /#token=/)
    const audited =
      await sql`select kind from audit_events where kind = 'refresh-reused' and session_id = ${sessionOf(ada)}`
    t.equal(audited.length, 1)
  }
)

t.test('a token that is two rotations old is a theft, however recent it is', async t => {
  const ada = await signUp(url, mailbox)
  const first = await refresh(ada.refreshToken)
  await rotatedAgo(sessionOf(ada), 60)
  const second = await refresh(first.body.refreshToken)
  t.match(await refresh(ada.refreshToken), REFUSED)
  t.notOk(await isLive(second.body.accessToken))
})

t.test('the owner is notified of a theft once, however often the old token comes', async t => {
  const ada = await signUp(url, mailbox)
  await reused(ada)
  await Promise.all(Array.from({ length: 4 }, () => refresh(ada.refreshToken)))
  const mails = await sql`select id from outbox where kind = 'refresh-reused' and recipient = ${ada.email}`
  t.equal(mails.length, 1)
})

t.test('a garbled token changes nothing and raises no alarm', async t => {
  const ada = await signUp(url, mailbox)
  const { refreshToken } = ada
  const middle = refreshToken[30] === 'A' ? 'B' : 'A'
  const hostile = [
    '',
    'x',
    'A'.repeat(70),
    refreshToken.slice(1),
    `${refreshToken.slice(0, 30)}${middle}${refreshToken.slice(31)}`
  ]
  for (const token of hostile) t.match(await refresh(token), REFUSED, token)
  t.match(await call(url, 'POST', `${AUTH}/refresh`), REFUSED, 'none at all')
  const [row] = await sql`select refresh_counter, ended_at from sessions where id = ${sessionOf(ada)}`
  t.match(row, { refresh_counter: 0, ended_at: null })
  t.equal((await refresh(refreshToken)).status, 200)
})

t.test('a session that was idle for too long, or has reached its end, is over without an alarm', async t => {
  for (const column of ['idle_expires_at', 'expires_at']) {
    const ada = await signUp(url, mailbox)
    const first = await refresh(ada.refreshToken)
    await sql`update sessions set ${sql(column)} = now() where id = ${sessionOf(ada)}`
    t.match(await refresh(first.body.refreshToken), REFUSED, column)
    t.match(await refresh(ada.refreshToken), REFUSED, 'the predecessor too')
    const [row] = await sql`select ended_at from sessions where id = ${sessionOf(ada)}`
    t.equal(row?.ended_at, null)
  }
})

t.test('refreshing moves the idle limit, never past the end of the session', async t => {
  const ada = await signUp(url, mailbox)
  const id = sessionOf(ada)
  await sql`update sessions set idle_expires_at = now() + interval '1 minute' where id = ${id}`
  await refresh(ada.refreshToken)
  const [row] =
    await sql`select idle_expires_at = expires_at as capped, expires_at - created_at as life from sessions where id = ${id}`
  t.match(row, { capped: true, life: '1 day' }, 'seven days are cut to the one day of the session')
})

t.test('the session of a disabled account is not refreshed', async t => {
  const ada = await signUp(url, mailbox)
  await sql`update users set disabled_at = now() where id = ${ada.userId}`
  t.match(await refresh(ada.refreshToken), REFUSED)
})

t.test('no access token outlives its session', async t => {
  const ada = await signUp(url, mailbox)
  await sql`update sessions set expires_at = now() + interval '30 seconds' where id = ${sessionOf(ada)}`
  const { body } = await refresh(ada.refreshToken)
  const { iat, exp } = claimsOf(body.accessToken)
  t.ok(exp - iat <= 30 && exp > iat, `${exp - iat} s`)
  t.equal(body.expiresIn, exp - iat, 'and says so')
  await sql`update sessions set expires_at = now() + interval '900 milliseconds' where id = ${sessionOf(ada)}`
  t.match(await refresh(body.refreshToken), REFUSED, 'a session in its last second is over')
})

t.test('refresh takes the first genuine token, body before cookie, and an invalid one changes nothing', async t => {
  const [ada, eve] = [await signUp(url, mailbox), await signUp(url, mailbox)]
  const both = (body: string, jar: string) =>
    call(url, 'POST', `${AUTH}/refresh`, { body: { refreshToken: body }, ...cookie(jar) })
  const byCookie = await both('garbage', ada.refreshToken)
  t.equal(sessionOf(byCookie.body), sessionOf(ada), 'garbage in the body')
  const byBody = await both(ada.refreshToken, 'garbage')
  t.equal(sessionOf(byBody.body), sessionOf(ada), 'garbage in the cookie')
  const first = await both(ada.refreshToken, eve.refreshToken)
  t.equal(sessionOf(first.body), sessionOf(ada), 'two genuine ones')
  t.equal(first.headers.get('set-cookie'), null, 'and the cookie of the other session stays')
  const inPage = await call(url, 'POST', `${AUTH}/refresh`, {
    body: { refreshToken: ada.refreshToken },
    headers: { ...cookie(eve.refreshToken).headers, 'sec-fetch-site': 'same-origin' }
  })
  t.equal(inPage.body.refreshToken, first.body.refreshToken, 'so that this token goes back in the body')
  await call(url, 'POST', `${AUTH}/logout`, { body: { refreshToken: ada.refreshToken } })
  const living = await both(ada.refreshToken, eve.refreshToken)
  t.equal(sessionOf(living.body), sessionOf(eve), 'the token of an ended session')
})

t.test('of two tokens of one session the newer one counts, and the older one raises no alarm', async t => {
  const ada = await signUp(url, mailbox)
  const { body } = await reused(ada)
  const kept = { body: { refreshToken: ada.refreshToken }, ...cookie(body.refreshToken) }
  t.equal((await call(url, 'POST', `${AUTH}/refresh`, kept)).status, 200)
})

t.test('a thief that refreshes first is caught by the access token that the owner never got', async t => {
  const ada = await signUp(url, mailbox)
  const stolen = await refresh(ada.refreshToken)
  await rotatedAgo(sessionOf(ada), 60)
  t.equal((await refresh(ada.refreshToken)).status, 200, 'the owner may have lost the answer')
  const [row] = await sql`select late_handouts from sessions where id = ${sessionOf(ada)}`
  const [[counter, atMs]] = row?.late_handouts ?? [[0, 0]]
  await sql`update sessions set late_handouts = ${sql.json([[counter, atMs + 60_000]])} where id = ${sessionOf(ada)}`
  t.ok(await isLive(stolen.body.accessToken), 'the thief uses what came with it')
  await until('the session ends', async () => !(await isLive(stolen.body.accessToken)))
  const events =
    await sql`select kind from audit_events where kind = 'refresh-reused' and session_id = ${sessionOf(ada)}`
  t.equal(events.length, 1)
})
