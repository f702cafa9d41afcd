/** The captcha of the login guard: when it is required, and how Turnstile's answers are read, over real HTTP. Over 200 lines: one rule a test, and a table of bad answers. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { LoginGuard } from '../../../server/guard/login-guard.ts'
import { type Captcha, createTurnstile, SITEVERIFY_URL } from '../../../server/guard/turnstile.ts'
import { attemptOf, openDrivenGuard, signIn, wordedResult } from './lib/guard-place.ts'

const ADDRESS = '203.0.113.7'
const SITE_KEY = '0x4AAAAAAA-site'
const SECRET = '0x4AAAAAAA-secret'

interface Turnstile {
  readonly url: string
  /** The posted forms, in order. */
  readonly asked: Record<string, string>[]
}

type Answer = (response: ServerResponse, token: string) => void

/** Accepts every token that begins with `good` once, as Turnstile does. */
function acceptOnce(): Answer {
  const used = new Set<string>()
  return (response, token) => {
    const isGood = token.startsWith('good') && !used.has(token)
    used.add(token)
    const codes = isGood ? [] : [token.startsWith('good') ? 'timeout-or-duplicate' : 'invalid-input-response']
    json({ success: isGood, 'error-codes': codes, hostname: 'elsewhere.example', action: 'signup' })(response, token)
  }
}

const json =
  (body: unknown, status = 200): Answer =>
  response =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const text =
  (body: string, status = 200, headers: Record<string, string> = {}): Answer =>
  response =>
    void response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body)

/** A stand-in for siteverify. It accepts only POST forms. */
async function openStandIn(t: Test, answer: Answer): Promise<Turnstile> {
  const asked: Record<string, string>[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
    if (request.method !== 'POST' || !isForm) return void response.writeHead(400).end()
    const form = Object.fromEntries(new URLSearchParams(body))
    asked.push(form)
    answer(response, form.response ?? '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/turnstile/v0/siteverify`, asked }
}

const turnstileAt = (url: string, deadlineMs = 20_000) =>
  createTurnstile({ siteKey: SITE_KEY, secret: SECRET, url, deadlineMs })

/** A guard after three failures of `ADDRESS`, each on an account of its own. */
async function openFailedGuard(t: Test, captcha: Captcha): Promise<LoginGuard> {
  const { guard } = await openDrivenGuard(t, () => 0, { captcha })
  for (const person of ['x', 'y', 'z']) t.equal(await signIn(guard, attemptOf(person, ADDRESS), false), 'wrong')
  return guard
}

const withToken = (captchaToken: string, person = 'ada') => attemptOf(person, ADDRESS, { captchaToken })

t.test(
  'after three failures of an address a captcha is required, with the site key, and a solved one admits',
  async t => {
    const { url, asked } = await openStandIn(t, acceptOnce())
    const guard = await openFailedGuard(t, turnstileAt(url))
    t.match(await guard.admit(attemptOf('ada', ADDRESS)), { ok: false, problem: 'captcha-required', siteKey: SITE_KEY })
    t.equal(asked.length, 0, 'without a token Turnstile is not called')
    t.match(await guard.admit(withToken('bad')), { ok: false, problem: 'captcha-required', siteKey: SITE_KEY })
    t.equal(await signIn(guard, withToken('good'), true), 'right')
    t.strictSame(
      asked,
      ['bad', 'good'].map(response => ({ secret: SECRET, response, remoteip: ADDRESS }))
    )
  }
)

t.test(
  'after three failures of an account from other addresses a captcha is required, known device or not',
  async t => {
    const { url } = await openStandIn(t, acceptOnce())
    const { guard } = await openDrivenGuard(t, () => 0, { captcha: turnstileAt(url) })
    for (const at of [1, 2, 3]) t.equal(await signIn(guard, attemptOf('ada', `192.0.2.${at}`), false), 'wrong')
    t.equal(await signIn(guard, attemptOf('ada', ADDRESS), true), 'captcha-required')
    t.equal(await signIn(guard, attemptOf('ada', ADDRESS, { knownDevice: true }), true), 'captcha-required')
    t.equal(await signIn(guard, withToken('good'), true), 'right')
    t.equal(await signIn(guard, attemptOf('bob', ADDRESS), true), 'right', 'another account is not affected')
  }
)

t.test('a failure after a solved captcha counts, and the captcha of a blocked attempt is not verified', async t => {
  const { url, asked } = await openStandIn(t, acceptOnce())
  const guard = await openFailedGuard(t, turnstileAt(url))
  t.equal(await signIn(guard, withToken('good4', 'a'), false), 'wrong')
  t.equal(await signIn(guard, withToken('good5', 'b'), false), 'wrong')
  t.equal(await signIn(guard, withToken('good6', 'c'), true), 'too-many-attempts 1800')
  t.strictSame(
    asked.map(({ response }) => response),
    ['good4', 'good5']
  )
})

t.test('of many attempts admitted together at most three are answered without a captcha', async t => {
  const { url } = await openStandIn(t, acceptOnce())
  const { guard } = await openDrivenGuard(t, () => 0, { captcha: turnstileAt(url) })
  const attempts = Array.from({ length: 20 }, (_, at) => attemptOf(`person${at}`, ADDRESS))
  for (const admitted of await Promise.all(attempts.map(attempt => guard.admit(attempt)))) t.ok(admitted.ok)
  const results = await Promise.all(attempts.map((attempt, at) => guard.record(attempt, at === 19 ? 'right' : 'wrong')))
  const answers = results.map(one => wordedResult(one, false))
  t.equal(answers.filter(answer => answer === 'wrong').length, 3)
  t.equal(answers.filter(answer => answer === 'captcha-required').length, 17)
  t.match(
    results.find(({ answerable }) => !answerable),
    { failure: { siteKey: SITE_KEY } }
  )
})

t.test('a token admits one attempt, however many present it at once and whatever Turnstile answers', async t => {
  const { url, asked } = await openStandIn(t, json({ success: true }))
  const guard = await openFailedGuard(t, turnstileAt(url))
  const admitted = await Promise.all(
    Array.from({ length: 10 }, (_, at) => guard.admit(withToken('good', `person${at}`)))
  )
  t.equal(admitted.filter(({ ok }) => ok).length, 1)
  t.equal(asked.length, 1, 'and it is sent once')
  t.match(await guard.admit(withToken('good')), { problem: 'captcha-required' })
})

t.test('a token that another origin has used is refused, because Turnstile refuses it', async t => {
  const { url, asked } = await openStandIn(t, acceptOnce())
  const guard = await openFailedGuard(t, turnstileAt(url))
  t.strictSame(await turnstileAt(url).verify('good', ADDRESS), { outcome: 'solved' }, 'the other origin')
  t.match(await guard.admit(withToken('good')), { problem: 'captcha-required' })
  t.equal(asked.length, 2)
})

t.test('a solved captcha is spent when the outcome of its attempt is recorded', async t => {
  const { url } = await openStandIn(t, acceptOnce())
  const guard = await openFailedGuard(t, turnstileAt(url))
  const attempt = withToken('good')
  t.ok((await guard.admit(attempt)).ok)
  t.ok((await guard.record(attempt, 'wrong')).answerable)
  t.match(await guard.record(attempt, 'right'), { answerable: false, failure: { problem: 'captcha-required' } })
})

const UNAVAILABLE: Readonly<Record<string, Answer>> = {
  'never answers': () => {},
  'stops in the middle of its answer': response =>
    void response.writeHead(200, { 'content-type': 'application/json' }).write('{"success":'),
  'hangs up': response => void response.destroy(),
  'answers 500': json({ success: true }, 500),
  'answers 403': json({ success: true }, 403),
  redirects: (response, token) =>
    response.req.url === '/again'
      ? json({ success: true })(response, token)
      : text('', 307, { location: '/again' })(response, token),
  'answers with a page': text('<html>success: true</html>'),
  'answers nothing': text(''),
  'answers too much': text(`{"success":true,"more":"${'x'.repeat(100_000)}"}`),
  'refuses our secret': json({ success: false, 'error-codes': ['invalid-input-secret'] }),
  'has failed itself': json({ success: false, 'error-codes': ['internal-error'] }),
  ...Object.fromEntries(
    [null, true, [], 'true', {}, [{ success: true }], { success: 'true' }, { success: 1 }, { success: null }].map(
      body => [`answers ${JSON.stringify(body)}`, json(body)]
    )
  )
}

for (const [name, answer] of Object.entries(UNAVAILABLE)) {
  t.test(`where Turnstile ${name}, no attempt is admitted and the client is not blamed`, async t => {
    const { url, asked } = await openStandIn(t, answer)
    const isSlow = name.startsWith('never') || name.startsWith('stops')
    const guard = await openFailedGuard(t, turnstileAt(url, isSlow ? 300 : 20_000))
    const admitted = await guard.admit(withToken('good'))
    t.match(admitted, { ok: false, problem: 'unavailable', retryAfterSeconds: Number })
    t.notMatch(JSON.stringify(admitted), /secret"|0x4A|good|203\.0/, 'the log gets no secret, token or address')
    t.ok(asked.length <= 1, 'Turnstile is not called twice')
    t.match(
      await guard.record(attemptOf('ada', ADDRESS), 'right'),
      { answerable: false },
      'and no outcome is answered without a captcha'
    )
  })
}

t.test('where nothing listens at the endpoint of Turnstile, no attempt is admitted', async t => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const guard = await openFailedGuard(t, turnstileAt(`http://127.0.0.1:${port}/`))
  t.match(await guard.admit(withToken('good')), { ok: false, problem: 'unavailable' })
})

t.test('a token that Turnstile cannot have issued is not sent', async t => {
  const { url, asked } = await openStandIn(t, json({ success: true }))
  const turnstile = turnstileAt(url)
  for (const token of ['', 'x'.repeat(2049), 'x'.repeat(1_000_000)]) {
    t.strictSame(await turnstile.verify(token, ADDRESS), { outcome: 'unsolved' })
  }
  t.equal(asked.length, 0)
  t.strictSame(await turnstile.verify('x'.repeat(2048), ADDRESS), { outcome: 'solved' })
})

t.test('the memory of used tokens is bounded', async t => {
  const { url, asked } = await openStandIn(t, json({ success: true }))
  const turnstile = createTurnstile({ siteKey: SITE_KEY, secret: SECRET, url, maxRememberedTokens: 2 })
  for (const token of ['a', 'b', 'b', 'c', 'a']) await turnstile.verify(token, ADDRESS)
  t.strictSame(
    asked.map(({ response }) => response),
    ['a', 'b', 'c', 'a']
  )
})

t.test('without a captcha service no captcha is ever required', async t => {
  const { guard } = await openDrivenGuard(t, () => 0)
  const answers: string[] = []
  for (const person of ['a', 'b', 'c', 'd', 'e']) answers.push(await signIn(guard, withToken('good', person), false))
  t.strictSame(answers, Array(5).fill('wrong'))
})

t.test('the default endpoint is the documented one of Turnstile', async t => {
  t.equal(SITEVERIFY_URL, 'https://challenges.cloudflare.com/turnstile/v0/siteverify')
})
