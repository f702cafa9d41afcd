/** The log holds what an operator needs and nothing that would let its reader in. */

import { PassThrough } from 'node:stream'
import t from 'tap'
import { loadConfig } from '../../../server/config.ts'
import { createLogger } from '../../../server/logger.ts'
import { openOrigin } from '../../../server/origin.ts'
import { call, mailedToken, newAddress, PASSWORD, signUp } from '../../lib/person.ts'
import { TEST_SETTINGS } from '../../lib/test-origin.ts'
import { until } from '../../lib/until.ts'
import { openSubject, ROOT_SECRET, sendRaw } from './subject.ts'

const { databaseUrl, redis, mailbox } = await openSubject(t)

/** An origin on the same engines that logs everything it can into `text()`. */
async function loggingOrigin(level: string, settings: Readonly<Record<string, string>> = {}) {
  let text = ''
  const stream = new PassThrough()
  stream.on('data', chunk => {
    text += chunk
  })
  const config = loadConfig({
    ...TEST_SETTINGS,
    ROOT_SECRETS: ROOT_SECRET,
    DATABASE_URL: databaseUrl,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    SMTP_URL: mailbox.smtpUrl,
    ...settings
  })
  const origin = await openOrigin(config, createLogger(level, stream))
  t.teardown(() => origin.close())
  return { origin, url: origin.url, text: () => text }
}

t.test('no password, token, cookie or email address is in any line', async t => {
  const { url, text } = await loggingOrigin('trace')
  const email = newAddress()
  await call(url, 'POST', '/api/v1/auth/register', { body: { email, password: PASSWORD, name: 'Ada' } })
  const verification = await mailedToken(mailbox, email)
  await call(url, 'GET', `/verify-email%23token=${verification}`)
  await call(url, 'POST', `/reset-password%23token=${verification}`)
  await call(url, 'GET', `/api/v1/verify-email%23token=${verification}`)
  await call(url, 'POST', `/api/v1/auth/verify-email/${verification}`)
  await call(url, 'POST', '/api/v1/auth/login', { body: { email, password: 'Wrong-horse-9' } })
  const { body } = await call(url, 'POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } })
  await call(url, 'GET', '/api/v1/auth/verify-token', { token: body.accessToken })
  await call(url, 'GET', '/api/v1/auth/verify-token', { token: `${body.accessToken}x` })
  const refreshed = await call(url, 'POST', '/api/v1/auth/refresh', {
    headers: { cookie: `__Host-refresh=${body.refreshToken}` }
  })
  await call(url, 'POST', '/api/v1/auth/login', { body: { email, password: PASSWORD, extra: PASSWORD } })
  await sendRaw(url, `GET /${body.refreshToken} HTTP/9\r\n\r\n`)
  await call(url, 'POST', '/api/v1/auth/logout', { body: { refreshToken: refreshed.body.refreshToken } })
  await until('the logout is logged', () => text().includes('/logout'))

  const [, payload = '', signature = ''] = body.accessToken.split('.')
  const secrets = [
    PASSWORD,
    'Wrong-horse-9',
    email,
    verification,
    payload,
    signature,
    body.refreshToken,
    refreshed.body.refreshToken,
    ROOT_SECRET,
    redis.token
  ]
  for (const [i, secret] of secrets.entries()) t.notOk(text().includes(secret), `secret ${i}`)
})

t.test('one line per request has what an operator needs, with the pattern of the path', async t => {
  const { url, text } = await loggingOrigin('info')
  const lines = () =>
    text()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
      .filter(({ msg }) => msg === 'answered')
  const headers = { 'x-request-id': 'the-clients-own-id' }
  const { body } = await call(url, 'POST', '/api/v1/auth/verify-email/some-token', { headers })
  await until('it is logged', () => lines().length === 1)
  t.match(lines(), [
    {
      method: 'POST',
      route: '/api/v1/auth/verify-email/:token',
      status: 410,
      client: '127.0.0.1',
      clientRequestId: 'the-clients-own-id'
    }
  ])
  t.equal(lines()[0].reqId, body.requestId)
})

t.test('a client cannot write into the log under a name that it chose', async t => {
  const { url, text } = await loggingOrigin('info')
  for (const name of ['short', 'x'.repeat(65), 'a b c d e f', '{"evil":true}', '<script>alert</script>']) {
    await call(url, 'GET', '/health/live', { headers: { 'x-request-id': name } })
  }
  await until('all five are logged', () => text().split('"answered"').length === 6)
  t.notMatch(text(), /clientRequestId/)
})

t.test(
  'an origin whose settings differ from those of genuine tokens logs that once, and not because of a forgery',
  async t => {
    const { accessToken } = await signUp((await loggingOrigin('silent')).url, mailbox)
    const { url, text } = await loggingOrigin('warn', { TOKEN_AUDIENCE: 'https://api.example.com' })
    const ask = async (token: string) => (await call(url, 'GET', '/api/v1/users/me', { token })).status
    const lines = () =>
      text()
        .split('\n')
        .filter(line => line.includes('genuine token'))
    t.equal(await ask(accessToken.replace(/\.[^.]*$/, `.${'A'.repeat(86)}`)), 401)
    t.strictSame(lines(), [])
    for (let round = 0; round < 3; round += 1) t.equal(await ask(accessToken), 401)
    await until('it is logged', () => lines().length > 0)
    t.equal(lines().length, 1)
    t.match(JSON.parse(lines()[0] ?? ''), {
      claim: 'aud',
      expected: 'https://api.example.com',
      found: TEST_SETTINGS.PUBLIC_URL
    })
  }
)
