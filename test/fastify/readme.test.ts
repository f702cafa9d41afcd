/** Runs what the README says about protecting another service. */

import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { call, signUp } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'

const README = new URL('../../README.md', import.meta.url)

t.test('the service of the README protects its routes', async t => {
  const { url, config, mailbox } = await openTestOrigin(t)
  const person = await signUp(url, mailbox)
  const app = await startService(t, url, config.publicUrl)
  t.teardown(() => app.close())

  const service = `http://localhost:${(app.server.address() as AddressInfo).port}`
  t.match(await call(service, 'GET', '/orders', { token: person.accessToken }), {
    status: 200,
    body: { ordersOf: person.userId }
  })
  t.match(await call(service, 'GET', '/orders'), { status: 401, body: { code: 'token-missing' } })
  t.match(await call(service, 'GET', '/reports', { token: person.accessToken }), {
    status: 403,
    body: { code: 'forbidden' }
  })
})

t.test('gatehouse/verifier offers the verifier under the names of the README', async t => {
  const name = 'gatehouse/verifier'
  t.match(await import(name), { createTokenVerifier: Function, createRemoteKeySet: Function })
})

/** Runs the code with the addresses of this test. The file is inside the package, so that the package name resolves. */
async function startService(
  t: Pick<typeof import('tap').default, 'testdir'>,
  origin: string,
  issuer: string
): Promise<FastifyInstance> {
  const section = (await readFile(README, 'utf8')).split('\n## Protect your own service\n')[1]
  const code = section?.split('```ts\n')[1]?.split('```')[0]
  if (code === undefined) throw new Error('the README has no TypeScript under "Protect your own service"')
  const here = code
    .replace('https://auth.example.com/.well-known', `${origin}/.well-known`)
    .replaceAll('https://auth.example.com', issuer)
    .replace('port: 3001', 'port: 0')
  const dir = t.testdir({ 'service.ts': `${here}\nexport { app }\n` })
  return (await import(pathToFileURL(join(dir, 'service.ts')).href)).app
}
