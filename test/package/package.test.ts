/**
 * The package as a consumer uses it: installed, compiled against, and run in Node, workerd, Bun and Deno.
 *
 * Over 200 lines: packing and installing once serves all of these tests.
 */

import { randomUUID } from 'node:crypto'
import { readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { openLocalEdge } from '../../local/edge.ts'
import { reservePort } from '../../local/free-ports.ts'
import { publicJwkOf } from '../../local/token-forge.ts'
import { openSurroundings, PUBLIC_URL } from '../edge/lib/edge-places.ts'
import { temporaryDir } from '../lib/test-engines.ts'
import { until } from '../lib/until.ts'
import { installPacked, run } from './packed.ts'

const TSC = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url))
const packed = await installPacked(t)
const { project } = packed
const home = join(project, 'node_modules/gatehouse')

/** A genuine token, a changed one, and the key that tells them apart. */
async function openTokens(t: Test) {
  const around = await openSurroundings(t)
  const [sub, sid] = [randomUUID(), randomUUID()]
  const token = around.token({ sub, sid })
  const [header, , signature] = token.split('.')
  const forged = `${header}.${Buffer.from('{}').toString('base64url')}.${signature}`
  return { ...around, sub, sid, good: token, forged, jwk: JSON.stringify(publicJwkOf(around.signer)) }
}

/** Starts a Worker of the project in workerd. */
async function openWorker(t: Test, entry: string, bindings: Readonly<Record<string, string>>, log = (_: string) => {}) {
  const socket = await reservePort(0, '127.0.0.1')
  const dir = join(await temporaryDir(t), 'edge')
  const edge = await openLocalEdge({ dir, socket, bindings, log, entry: join(project, entry) })
  t.teardown(() => edge.close())
  return (path: string, token?: string) =>
    fetch(`http://127.0.0.1:${socket.port}${path}`, token ? { headers: { authorization: `Bearer ${token}` } } : {})
}

t.test('the tarball holds only compiled files and documents', async t => {
  const entries = await readdir(home, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const names = files.map(path => path.slice(home.length + 1))
  const odd = names.filter(name => !/^dist\/(edge|fastify|vendor|server\/lib\/crypto\/node-signature)\b.*/.test(name))
  const examples = ['edge/examples/backend.mjs', 'edge/examples/backend.py']
  t.strictSame(odd.sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'edge/README.md', ...examples, 'package.json'])
  t.strictSame(
    names.filter(name => /(?<!\.d)\.ts$/.test(name)),
    [],
    'no sources'
  )
  t.equal(names.filter(name => /^dist\/vendor\/.*\/LICENSE$/.test(name)).length, 2, 'licences of what came along')
})

t.test('installing it adds no other package, and packing keeps our package.json', async t => {
  t.strictSame(packed.installed, ['gatehouse'])
  const { dependencies, exports, peerDependencies, scripts } = JSON.parse(
    await readFile(join(home, 'package.json'), 'utf8')
  )
  t.equal(dependencies, undefined)
  t.strictSame(peerDependencies, { fastify: '>=5 <6' })
  t.strictSame(Object.keys(exports), ['./fastify', './gateway', './verifier'])
  t.strictSame(Object.keys(scripts), ['postpack'], 'installing runs no script')
  const { dependencies: ours } = JSON.parse(await readFile(join(packed.sources, 'package.json'), 'utf8'))
  t.hasOwnProp(ours, 'fastify')
  t.notOk((await readdir(packed.sources)).includes('package.json.ours'))
})

t.test('every import by name is a builtin of Node or Fastify', async t => {
  const imports: Record<string, string[]> = { edge: [], fastify: [], server: [] }
  for (const folder of Object.keys(imports)) {
    const paths = await readdir(join(home, 'dist', folder), { recursive: true })
    for (const path of paths.filter(path => /\.(js|ts)$/.test(path))) {
      const text = await readFile(join(home, 'dist', folder, path), 'utf8')
      for (const [, name = ''] of text.matchAll(/^(?:import|export)\b[^'"]*? from ['"]([^.'"][^'"]*)['"]/gm))
        imports[folder]?.push(name)
    }
  }
  t.strictSame(imports, { edge: [], fastify: ['fastify'], server: ['node:crypto'] })
  const ofVerifier = await readdir(join(home, 'dist/edge/verifier'))
  for (const path of ofVerifier.filter(path => path.endsWith('.js'))) {
    const text = await readFile(join(home, 'dist/edge/verifier', path), 'utf8')
    t.notMatch(text, / from '(?!\.\/|\.\.\/contract\/)/, `${path} imports nothing but the verifier and the contract`)
  }
})

const PROGRAMS = ['verify.ts', 'worker.ts', 'must-not-compile.ts']
const COMMON = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true }
const STYLE = { verbatimModuleSyntax: true, target: 'es2024', allowImportingTsExtensions: true, skipLibCheck: false }
const COMPILERS: Readonly<Record<string, { files: readonly string[]; options: object }>> = {
  'nodenext, types of Node, no DOM': {
    files: [...PROGRAMS, 'main.ts'],
    options: { module: 'nodenext', lib: ['es2024'], types: ['node'] }
  },
  'nodenext, types of Node, no DOM, with Fastify': {
    files: ['service.ts'],
    options: { module: 'nodenext', lib: ['es2024'], types: ['node'] }
  },
  'bundler, DOM, no types of Node': {
    files: PROGRAMS,
    options: { module: 'esnext', moduleResolution: 'bundler', lib: ['es2024', 'dom', 'dom.iterable'], types: [] }
  },
  'bundler, a Worker, neither DOM nor Node': {
    files: PROGRAMS,
    options: { module: 'esnext', moduleResolution: 'bundler', lib: ['es2024', 'webworker'], types: [] }
  },
  'bundler, the bare language': {
    files: PROGRAMS,
    options: { module: 'esnext', moduleResolution: 'bundler', lib: ['es2024'], types: [], skipLibCheck: true }
  }
}

t.test('strict consumers compile, and those without a security option do not', async t => {
  for (const [name, { files, options }] of Object.entries(COMPILERS)) {
    const config = { compilerOptions: { ...COMMON, ...STYLE, ...options }, files }
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config))
    const said = await run(project, TSC, '-p', '.').catch(error => error.stdout)
    t.equal(said, '', name)
  }
})

t.test('in Node the verifier tells tokens apart, and the plugin protects a route', async t => {
  const { good, forged, jwk, sub, origin } = await openTokens(t)
  const subjects = await run(project, process.execPath, 'main.ts', PUBLIC_URL, jwk, good, forged)
  t.strictSame(JSON.parse(subjects), [sub, 'token-invalid'])

  const jwksUrl = `${origin.url}/.well-known/jwks.json`
  const said = await run(project, process.execPath, 'service.ts', PUBLIC_URL, jwksUrl, good)
  t.strictSame(JSON.parse(said), { statuses: [401, 200, 403], policies: false })
})

t.test('the plugin compiles and protects a route on the oldest Fastify of its peer range, too', async t => {
  const installed = join(project, 'node_modules/fastify')
  const newest = await readlink(installed)
  const use = async (target: string) => {
    await rm(installed)
    await symlink(target, installed)
  }
  t.teardown(() => use(newest))
  await use(`${newest}-5.0`)
  t.equal(JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')).version, '5.0.0')

  const lib = { module: 'nodenext', lib: ['es2024'], types: ['node'], skipLibCheck: true }
  const config = { compilerOptions: { ...COMMON, ...STYLE, ...lib }, files: ['service.ts'] }
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config))
  t.equal(await run(project, TSC, '-p', '.').catch(error => error.stdout), '')

  const { good, origin } = await openTokens(t)
  const jwksUrl = `${origin.url}/.well-known/jwks.json`
  const said = await run(project, process.execPath, 'service.ts', PUBLIC_URL, jwksUrl, good)
  t.match(JSON.parse(said), { statuses: [401, 200, 403] })
})

for (const [name, ...args] of [['bun'], ['deno', 'run', '--no-prompt', '--cached-only', '--node-modules-dir=manual']]) {
  const isThere = name !== undefined && (await run(project, name, '--version').catch(() => undefined)) !== undefined
  t.test(`in ${name} the verifier tells tokens apart`, { skip: !isThere && `${name} is not installed` }, async t => {
    const { good, forged, jwk, sub } = await openTokens(t)
    const subjects = await run(project, name ?? '', ...args, 'main.ts', PUBLIC_URL, jwk, good, forged)
    t.strictSame(JSON.parse(subjects), [sub, 'token-invalid'])
  })
}

t.test('in workerd a Worker with its own policies protects an origin', async t => {
  const { bindings, origin, redis, good, forged, sid } = await openTokens(t)
  const ask = await openWorker(t, 'worker.ts', bindings)
  const statuses = async (...requests: readonly Parameters<typeof ask>[]) => {
    const found: number[] = []
    for (const request of requests) found.push((await ask(...request)).status)
    return found
  }
  t.strictSame(await statuses(['/health'], ['/shop/1'], ['/shop/1', forged], ['/shop/1', good]), [200, 401, 401, 200])
  t.strictSame(await statuses(['/elsewhere']), [401], 'a path that no policy names is closed')
  const reports = ['/reports/1', good] as const
  t.strictSame(await statuses([...reports], [...reports], [...reports], [...reports]), [200, 200, 200, 429])
  t.strictSame(
    origin.requests.map(({ url }) => url),
    ['/health', '/shop/1', '/reports/1', '/reports/1', '/reports/1'],
    'only what passed has cost the origin anything'
  )

  await createRevocationFeed(openRedis(redis), 960_000).publish([sid])
  await until('the Worker knows that the session has ended', async () => {
    const answer = await ask('/shop/1', good)
    return answer.status === 401 && (await answer.text()).includes('session-ended')
  })
})

t.test('packing refuses to overwrite an interrupted pack', async t => {
  const ours = join(packed.sources, 'package.json.ours')
  await writeFile(ours, '{}')
  t.teardown(() => rm(ours))
  await t.rejects(run(packed.sources, 'npm', 'pack', '--silent'), /Move package\.json\.ours to package\.json first/)
})

t.test('a Worker with wrong policies or settings refuses every request', async t => {
  const { bindings, origin, good } = await openTokens(t)
  const lines: string[] = []
  const opening = openWorker(t, 'misspelt-worker.ts', bindings, line => lines.push(line))
  await t.rejects(opening, /workerd ended/, 'it does not come up')
  t.match(lines.join('\n'), /Cannot create the Worker with these policies: .*"token" must be "required" or "none"/)

  const ask = await openWorker(t, 'worker.ts', { ...bindings, EDGE_SECRET: '' })
  for (const path of ['/health', '/shop/1']) t.equal((await ask(path, good)).status, 503, `${path} is closed`)
  t.strictSame(origin.requests, [])
})
