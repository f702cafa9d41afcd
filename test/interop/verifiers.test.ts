/** The table "Verify elsewhere" of the README, run unchanged: third-party libraries against a real origin over TLS. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request as askOrigin } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { pathToFileURL } from 'node:url'
import express from 'express'
import Fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import t, { type Test } from 'tap'
import { encodePart, generateSigner, hmac, sealToken } from '../../local/token-forge.ts'
import { signUp } from '../lib/person.ts'
import { selfSigned } from '../lib/self-signed.ts'
import type { Teardown } from '../lib/test-engines.ts'
import { openTestOrigin } from '../lib/test-origin.ts'

const README = new URL('../../README.md', import.meta.url)

/** Values that the lines of the table use without defining them. */
interface Givens {
  readonly issuer: string
  readonly audience: string
  readonly app?: unknown
  readonly token?: string
}

/** Runs the lines. Their `payload`, if they define one, is the result. */
type Run = (givens: Givens) => Promise<{ readonly sub?: string } | undefined>

/** The subject of an accepted token; `undefined` for a refused one. Keys are not fetched again between two calls. */
type Check = (token: string | undefined) => Promise<string | undefined>

/** How each library is used: as a function, or in front of a route. */
const HARNESSES: Readonly<Record<string, (t: Teardown, run: Run, names: Givens) => Promise<Check>>> = {
  jose: checkByCall,
  'aws-jwt-verify': checkByCall,

  'express-oauth2-jwt-bearer': async (t, run, names) => {
    const app = express()
    app.set('env', 'test')
    await run({ ...names, app })
    app.get('/', (request, response) => {
      response.json((request as unknown as { auth: { payload: object } }).auth.payload)
    })
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    return checkByRequest((_path, init) => fetch(`http://127.0.0.1:${port}/`, init))
  },

  'hono/jwk': async (_t, run, names) => {
    const app = new Hono<{ Variables: { jwtPayload: object } }>()
    await run({ ...names, app })
    app.get('/', context => context.json(context.get('jwtPayload')))
    return checkByRequest(async (path, init) => app.request(path, init))
  },

  '@fastify/jwt and get-jwks': async (t, run, names) => {
    const app: FastifyInstance = Fastify()
    t.teardown(() => app.close())
    await run({ ...names, app })
    app.get('/', async request => request.user)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return checkByRequest((path, init) => fetch(url + path, init))
  }
}

async function checkByCall(_t: Teardown, run: Run, names: Givens): Promise<Check> {
  return async token => {
    const payload = await run({ ...names, ...(token === undefined ? {} : { token }) }).catch(() => undefined)
    return payload?.sub
  }
}

function checkByRequest(ask: (path: string, init: RequestInit) => Promise<Response>): Check {
  return async token => {
    const answer = await ask('/', token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
    const text = await answer.text()
    if (answer.status === 200) return JSON.parse(text).sub
    if (answer.status === 401) return undefined
    throw new Error(`expected 200 or 401, found ${answer.status}: ${text}`)
  }
}

/** The rows of the table, each as a module that runs its lines. */
async function loadTable(t: Pick<Test, 'testdir'>): Promise<Map<string, Run>> {
  const [, section = ''] = (await readFile(README, 'utf8')).split('\n## Verify elsewhere\n')
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| ([^|`]+) \| (`.+`) \|$/gm)]
  const runs = new Map<string, Run>()
  for (const [, name = '', cell = ''] of rows) {
    const lines = cell.split('<br>').map(line => line.replace(/^`|`$/g, ''))
    const isImport = (line: string) => line.startsWith('import ')
    const code = [
      ...lines.filter(isImport),
      'export async function run({ app, token, issuer, audience }) {',
      ...lines.filter(line => !isImport(line)),
      "return typeof payload === 'undefined' ? undefined : payload",
      '}'
    ]
    const file = `${runs.size}.mjs`
    const dir = t.testdir({ [file]: code.join('\n') })
    runs.set(name, (await import(pathToFileURL(join(dir, file)).href)).run)
  }
  return runs
}

/** TLS in front of an origin. The origin is opened later, because it has to know its public address. */
async function openTls(t: Teardown) {
  const pair = selfSigned(Date.now())
  setDefaultCACertificates([...getCACertificates('default'), pair.cert])
  let origin = ''
  const server = createServer(pair, (incoming, outgoing) => {
    const onward = askOrigin(origin + incoming.url, { method: incoming.method, headers: incoming.headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `https://localhost:${port}`,
    leadTo: (url: string) => {
      origin = url
    }
  }
}

const tls = await openTls(t)
const { url, mailbox, config, origin } = await openTestOrigin(t, {
  PUBLIC_URL: tls.url,
  TOKEN_AUDIENCE: 'https://api.example.com'
})
tls.leadTo(url)
const { accessToken, userId } = await signUp(url, mailbox)
const names = { issuer: config.publicUrl, audience: config.tokenAudience }
const table = await loadTable(t)

/** Tokens that every library must refuse, made from a valid one. */
async function forgeries(): Promise<Readonly<Record<string, string | undefined>>> {
  const [header = '', payload = '', signature = ''] = accessToken.split('.')
  const readHeader = JSON.parse(Buffer.from(header, 'base64url').toString())
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const { keys } = await (await fetch(`${url}/.well-known/jwks.json`)).json()
  /** Signed by the origin's own key. */
  const genuine = (changes: object, typ = 'at+jwt') =>
    origin.app.jwt.sign(
      { ...claims, ...changes },
      { algorithm: 'ES256', kid: readHeader.kid, header: { alg: 'ES256', typ } }
    )
  const hs256 = `${encodePart({ ...readHeader, alg: 'HS256' })}.${payload}`
  return {
    'no token': undefined,
    'another issuer': genuine({ iss: 'https://other.example' }),
    'an expired token': genuine({ iat: claims.iat - 7200, exp: claims.iat - 6300 }),
    'another kind of token': genuine({}, 'JWT'),
    'a changed payload': `${header}.${encodePart({ ...claims, role: 'admin' })}.${signature}`,
    'the signature of another key': sealToken(generateSigner('ES256', readHeader.kid), readHeader, claims),
    'an unknown kid': sealToken(generateSigner('ES256', 'unknown'), { ...readHeader, kid: 'unknown' }, claims),
    'alg none': `${encodePart({ ...readHeader, alg: 'none' })}.${payload}.`,
    'HS256 with the public key as secret': `${hs256}.${encodePart(hmac('sha256', JSON.stringify(keys[0]), hs256))}`
  }
}

t.test('the table names the libraries that are tested here', async t => {
  t.strictSame([...table.keys()].sort(), Object.keys(HARNESSES).sort())
})

for (const [name, harness] of Object.entries(HARNESSES)) {
  t.test(`${name} accepts our tokens by the lines of the README, and refuses others`, async t => {
    const run = table.get(name)
    if (run === undefined) return t.fail('there is no such row')
    const check = await harness(t, run, names)
    t.equal(await check(accessToken), userId)
    for (const [what, token] of Object.entries(await forgeries())) t.equal(await check(token), undefined, what)
    t.equal(await check(accessToken), userId, 'and still accepts the good one')

    const elsewhere = await harness(t, run, { ...names, audience: 'https://other.example' })
    t.equal(await elsewhere(accessToken), undefined, 'a token for another audience')
  })
}
