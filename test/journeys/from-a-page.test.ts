/** A page of another local program signs in through the system of `npm run dev`, by the lines of the README. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openChromium, withoutChromium } from '../lib/chromium.ts'
import { call, newAddress, PASSWORD } from '../lib/person.ts'
import type { Teardown } from '../lib/test-engines.ts'
import { openTestStack } from '../lib/test-stack.ts'

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
const lines = readme.split('\n## From a web page\n')[1]?.split('```js\n')[1]?.split('```')[0] ?? ''

/** The functions that the lines define. */
interface Auth {
  signIn(email: string, password: string): Promise<void>
  refresh(): Promise<void>
  signOut(): Promise<void>
  get(path: string): Promise<{ email?: string }>
}

t.test('a page on another port of localhost', { skip: withoutChromium, timeout: 120_000 }, async t => {
  const site = await openSite(t)
  const [here, elsewhere] = [`http://localhost:${site.port}`, `http://127.0.0.1:${site.port}`]
  const stack = await openTestStack(t, { EMAIL_VERIFICATION: 'optional', ALLOWED_ORIGINS: `${here},${elsewhere}` })
  t.match(stack.edge, /^http:\/\/localhost:\d+$/, 'the name that is shown')
  site.files.set('/auth.js', lines.replace('http://localhost:8787', stack.edge))
  const email = newAddress()
  const body = { email, password: PASSWORD, name: 'Ada' }
  t.equal((await call(stack.edge, 'POST', '/api/v1/auth/register', { body })).status, 201)

  const browser = await openChromium(t)
  const open = async (origin: string) => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const said: string[] = []
    page.on('console', message => said.push(message.text()))
    await page.goto(`${origin}/`)
    const signIn = () =>
      page.evaluate(
        async ([email, password]) => {
          const auth: Auth = await import('/auth.js' as string)
          await auth.signIn(email ?? '', password ?? '')
          return (await auth.get('/users/me')).email
        },
        [email, PASSWORD]
      )
    /** As after a reload: only the cookie remains. */
    const refresh = async () => {
      await page.reload()
      return page.evaluate(async () => {
        const auth: Auth = await import('/auth.js' as string)
        await auth.refresh()
        return (await auth.get('/users/me')).email
      })
    }
    const signOut = () => page.evaluate(async () => ((await import('/auth.js' as string)) as Auth).signOut())
    return { context, said, signIn, refresh, signOut }
  }

  await t.test('signs in, and is still signed in after a reload', async t => {
    const { context, said, signIn, refresh, signOut } = await open(here)
    t.equal(await signIn(), email)
    const cookies = await context.cookies(stack.edge)
    t.match(
      cookies.find(({ name }) => name === '__Host-refresh'),
      { httpOnly: true, secure: true, sameSite: 'Strict' }
    )
    t.equal(await refresh(), email)
    await signOut()
    await t.rejects(refresh(), /Error/, 'the session has ended')
    t.notMatch(said.join('\n'), /another site/)
  })

  await t.test('on 127.0.0.1 the answer says why no cookie is kept', async t => {
    const { context, said, signIn, refresh } = await open(elsewhere)
    t.equal(await signIn(), email, 'the access token is good')
    t.strictSame(await context.cookies(stack.edge), [])
    t.match(said.join('\n'), /"localhost" and "127\.0\.0\.1" are two sites/)
    await t.rejects(refresh(), /Error/)
  })
})

async function openSite(t: Teardown): Promise<{ port: number; files: Map<string, string> }> {
  const files = new Map([['/', '<!doctype html><title>A page</title>']])
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '')
    const type = request.url === '/' ? 'text/html' : 'text/javascript'
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': type }).end(file)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { port: (server.address() as AddressInfo).port, files }
}
