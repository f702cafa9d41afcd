/**
 * Runs what the README of the edge says, and its examples; a deployment needs an account and is not tried.
 *
 * Over 200 lines: one test for each claim of one document, over the same blocks of it.
 */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { HOP_MAX_AGE_MS, HOP_MAX_AHEAD_MS } from '../../edge/contract/edge-hop.ts'
import { hopHeaders } from '../../edge/gateway/forward-headers.ts'
import type { EdgeWorker } from '../../edge/index.ts'
import * as gateway from '../../edge/index.ts'
import { EDGE_SETTING_NAMES, parseEdgeSettings } from '../../edge/settings.ts'
import * as verifier from '../../edge/verifier/index.ts'
import { spawnTied, stopChild } from '../../local/child.ts'
import { temporaryDir } from '../lib/test-engines.ts'
import { openTestStack } from '../lib/test-stack.ts'
import { EDGE_SECRET, openInNode, openSurroundings } from './lib/edge-places.ts'

const EDGE = new URL('../../edge/', import.meta.url)
const readme = await readFile(new URL('README.md', EDGE), 'utf8')
const ISSUER = 'https://auth.example.com'

/** The blocks of one language under a heading of the second level, in order. */
function blocks(heading: string, language: string): string[] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const found = [...section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language)
  if (found.length === 0) throw new Error(`the README has no "${language}" under "${heading}"`)
  return found.map(([, , code = '']) => code)
}

/** JSON with whole-line comments. */
function parseJsonc(text: string) {
  return JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, ''))
}

t.test('the lines that check a local and a live edge say what the README promises', async t => {
  const stack = await openTestStack(t, { REQUIRE_EDGE: 'true' })
  for (const heading of ['Five-minute start', 'From nothing to live']) {
    const lines = blocks(heading, 'sh').at(-1) ?? ''
    const here = lines
      .replace('http://localhost:8787', stack.edge)
      .replace(ISSUER, stack.edge)
      .replace('https://origin.example.com', stack.origin)
    const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', here], { cwd: await temporaryDir(t) })
    const [alive, closed = '', counted, around] = stdout.trim().split('\n')
    t.equal(alive, '200')
    t.match(JSON.parse(closed), { code: 'token-missing' })
    t.match(counted, /^ratelimit: "address";r=\d+;t=\d+/i)
    if (heading === 'From nothing to live') t.match(JSON.parse(around ?? ''), { code: 'edge-required' })
  }
})

t.test('a deployment without its own settings is closed, and with those of the README it is valid', async t => {
  const secrets = { EDGE_SECRET, UPSTASH_REDIS_REST_URL: 'https://redis.test', UPSTASH_REDIS_REST_TOKEN: 'a' }
  const { vars } = parseJsonc(await readFile(new URL('wrangler.jsonc', EDGE), 'utf8'))
  const edge = await openInNode({ ...vars, ...secrets })
  for (const path of ['/', '/health/live', '/api/v1/users/me']) t.equal((await edge.send(path)).status, 503)
  const reason = /PUBLIC_URL is missing.*ORIGIN_URL is missing/
  t.match(parseEdgeSettings({ ...vars, ...secrets }), { ok: false, reason }, 'not only because the origin is away')

  const ours = parseJsonc(`{${blocks('From nothing to live', 'jsonc')[0]}}`)
  t.match(parseEdgeSettings({ ...vars, ...ours.vars, ...secrets }), { ok: true, value: { publicUrl: ISSUER } })
  const [origin = ''] = blocks('From nothing to live', 'sh')
  for (const [name] of origin.matchAll(/^\w+(?==)/gm))
    t.match(await readFile(new URL('../.env.example', EDGE), 'utf8'), new RegExp(`^(# )?${name}=`, 'm'))
})

/** The Worker of the README in front of a backend, with its `wrangler.jsonc` except for the addresses. */
async function openShop(t: Test, backendUrl: string) {
  const { bindings, origin, token } = await openSurroundings(t)
  const [entry = ''] = blocks('Before a backend of your own', 'ts')
  const dir = t.testdir({ 'worker.ts': entry })
  const worker = (await import(pathToFileURL(join(dir, 'worker.ts')).href)) as { default: EdgeWorker }
  const { vars } = parseJsonc(blocks('Before a backend of your own', 'jsonc')[0] ?? '')
  const env = { ...bindings, ...vars, JWKS_URL: `${origin.url}/.well-known/jwks.json`, ORIGIN_URL: backendUrl }
  const send = (path: string, init?: RequestInit) =>
    worker.default.fetch(new Request(`https://shop.example.com${path}`, init), env, { waitUntil() {} })
  return { send, token: (sub: string) => token({ iss: ISSUER, aud: ISSUER, sub }) }
}

interface Backend {
  readonly program: string
  readonly file: string
}

const BACKENDS: readonly Backend[] = [
  { program: process.execPath, file: 'backend.mjs' },
  { program: 'python3', file: 'backend.py' }
]

/** Runs an example backend. It knows two secrets, and the edge still uses the older one. */
async function openBackend(t: Test, { program, file }: Backend): Promise<string> {
  const child = await spawnTied(program, [fileURLToPath(new URL(`examples/${file}`, EDGE))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PORT: '0', EDGE_SECRETS: `a newer secret,${EDGE_SECRET}` }
  })
  t.teardown(() => stopChild(child))
  const [url] = await once(createInterface({ input: child.stdout as Readable }), 'line')
  return url
}

/** A request for `/health` with the headers of the edge; the signature may have another secret, time or path. */
async function signed(secret: string, timeMs: number, target = '/health') {
  const requestId = '0199a8d4-1c00-7000-8000-0000000000f6'
  const hop = { method: 'GET', target, clientAddress: '192.0.2.1', timeMs, requestId }
  return { headers: hopHeaders(hop, await gateway.createHopSigner(secret)(hop)) }
}

async function isInstalled(program: string): Promise<boolean> {
  return promisify(execFile)(program, ['--version']).then(
    () => true,
    () => false
  )
}

for (const backend of BACKENDS) {
  const skip = !(await isInstalled(backend.program)) && `${backend.program} is not installed`
  t.test(`${backend.file} accepts requests of the edge, and no others`, { skip }, async t => {
    const url = await openBackend(t, backend)
    const { send, token } = await openShop(t, url)
    const sub = '0199a8d4-1c00-7000-8000-0000000000e5'
    const headers = { authorization: `Bearer ${token(sub)}` }
    t.equal(await (await send('/health')).text(), 'ok')
    t.equal(await (await send('/orders?page=2', { headers })).text(), `orders of ${sub}`)
    t.equal((await send('/orders')).status, 401)

    const forged = `Bearer x.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.x`
    for (const path of ['/orders', '/Health', '/health/', '/health;x', '/health%3Bx', '/healt%68?x', '/health?x'])
      t.notMatch(
        await (await send(path, { headers: { authorization: forged } })).text(),
        sub,
        `a forged token at ${path}`
      )
    const preflight = { 'access-control-request-method': 'GET' }
    for (const more of [{ authorization: forged }, {}]) {
      const response = await send('/orders', { method: 'OPTIONS', headers: { ...preflight, ...more } })
      t.notMatch(await response.text(), sub, 'a preflight gets no data')
    }
    t.equal(await (await send('/health')).text(), 'ok', 'the backend still runs')

    const nowMs = Date.now()
    const direct = async (init: RequestInit = {}) => (await fetch(`${url}/health`, init)).status
    t.equal(await direct(await signed(EDGE_SECRET, nowMs)), 200, 'what the edge would have sent')
    t.equal(await direct(await signed('a newer secret', nowMs)), 200, 'or what it will send tomorrow')
    t.equal(await direct(), 403, 'nothing signed')
    t.equal(await direct({ headers }), 403, 'a token alone')
    t.equal(await direct(await signed('another secret', nowMs)), 403, 'under another secret')
    t.equal(await direct(await signed(EDGE_SECRET, nowMs, '/orders')), 403, 'for another path')
    t.equal(await direct(await signed(EDGE_SECRET, nowMs - HOP_MAX_AGE_MS - 1_000)), 403, 'too old')
    const ahead = Date.now() + HOP_MAX_AHEAD_MS + 2_000
    t.equal(await direct(await signed(EDGE_SECRET, ahead)), 403, 'too far ahead')
    t.equal(await direct({ headers: { 'x-gatehouse-signature': 'é' } }), 403, 'no signature at all')
  })
}

t.test('the README shows the check of the Node example, and links to files and headings that exist', async t => {
  const [code = ''] = blocks('Before a backend of your own', 'js')
  t.ok((await readFile(new URL('examples/backend.mjs', EDGE), 'utf8')).includes(`\n${code}`), 'verbatim')

  const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  for (const { file } of BACKENDS) t.ok(links.includes(`examples/${file}`), file)
  const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map(
    ([, heading = '']) => `#${heading.toLowerCase().replaceAll(' ', '-')}`
  )
  for (const target of links) {
    if (target.startsWith('#')) t.ok(headings.includes(target), target)
    else await t.resolves(access(new URL(target, EDGE)), target)
  }
})

t.test('the README lists every exported name', async t => {
  const [, section = ''] = readme.split('\n## Exported names\n')
  const named = [...(section.split('\n## ')[0]?.matchAll(/^\| `(\w+)` \|/gm) ?? [])].map(match => match[1])
  t.strictSame(named.sort(), Object.keys({ ...gateway, ...verifier }).sort())
})

t.test('every document and example states the lifetime of a signed hop', async t => {
  const [age, ahead] = [HOP_MAX_AGE_MS / 1000, HOP_MAX_AHEAD_MS / 1000]
  t.equal(age, 30, 'as the contract has it')
  t.match(readme, `older than ${age} seconds, and a request dated more than ${ahead} seconds ahead`)
  t.match(readme, `repeat a request for ${age} seconds`)
  t.match(await readFile(new URL('../SECURITY.md', EDGE), 'utf8'), `replayed for ${age} seconds`)
  for (const { file } of BACKENDS) {
    const code = await readFile(new URL(`examples/${file}`, EDGE), 'utf8')
    t.match(code, `<= ${age}_000`, file)
    t.match(code, `-${ahead}_000`, file)
  }
})

t.test('keys given with the settings need no issuer', async t => {
  const { bindings, origin, token } = await openSurroundings(t)
  const [command = ''] = /^curl[^|]*(?= \|)/m.exec(blocks('Keys given with the settings', 'text')[0] ?? '') ?? []
  const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', command.replace(ISSUER, origin.url)])
  const edge = await openInNode({ ...bindings, JWKS: stdout, JWKS_URL: 'http://127.0.0.1:9/keys' })
  const headers = { authorization: `Bearer ${token()}` }
  t.equal((await edge.send('/api/v1/users/me', { headers })).status, 200)
  t.equal((await edge.send('/api/v1/users/me')).status, 401)
})

t.test('the table of settings is complete, and its defaults are those of the Worker', async t => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \|.*\| (.*?) ?\|$/gm)]
  t.strictSame(rows.map(([, name]) => name).sort(), [...EDGE_SETTING_NAMES].sort())

  const must = { PUBLIC_URL: 'https://auth.example.com', ORIGIN_URL: 'http://origin.test', EDGE_SECRET }
  const redis = { UPSTASH_REDIS_REST_URL: 'http://redis.test', UPSTASH_REDIS_REST_TOKEN: 'a' }
  const written = rows.flatMap(([, name = '', text = '']) => {
    const literal = /^`?([\w./]+)`?$/.exec(text)?.[1]
    return literal === undefined || /[A-Z]/.test(literal) ? [] : [[name, literal]]
  })
  t.ok(written.length >= 8, 'defaults were found')
  t.strictSame(
    parseEdgeSettings({ ...Object.fromEntries(written), ...must, ...redis }),
    parseEdgeSettings({ ...must, ...redis })
  )
})

t.test('the table of events lists those that the Worker logs', async t => {
  const files = ['edge-worker.ts', 'deployment.ts'].map(name => readFile(new URL(name, EDGE), 'utf8'))
  const source = (await Promise.all(files)).join('\n')
  const logged = [...source.matchAll(/event: '([\w-]+)'/g)].map(match => match[1])
  const [, table = ''] = readme.split('| event |')
  const named = [...(table.split('\n\n')[0]?.matchAll(/^\| `([\w-]+)`/gm) ?? [])].map(match => match[1])
  t.strictSame(named.sort(), logged.sort())
})
