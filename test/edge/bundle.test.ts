/** The bundle that wrangler deploys, made offline, and the bundle of a local run. */

import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { bundleWorker } from '../../local/edge.ts'
import { WITHOUT_COVERAGE } from '../lib/coverage.ts'
import { temporaryDir } from '../lib/test-engines.ts'
import { openSurroundings, PUBLIC_URL } from './lib/edge-places.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAX_GZIPPED_BYTES = 60 * 1024

interface WorkerModule {
  readonly default: {
    fetch(request: Request, env: object, context: { waitUntil(work: Promise<unknown>): void }): Promise<Response>
  }
}

/** Bundles as a deployment does. A proxy that does not exist keeps wrangler from the network. */
async function bundleWithWrangler(t: Test): Promise<string> {
  const dir = await temporaryDir(t)
  const wrangler = join(createRequire(import.meta.url).resolve('wrangler/package.json'), '../bin/wrangler.js')
  const args = [wrangler, 'deploy', '--dry-run', '--outdir', join(dir, 'out'), '-c', join(ROOT, 'edge/wrangler.jsonc')]
  const nowhere = 'http://127.0.0.1:9'
  await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: {
      ...WITHOUT_COVERAGE,
      PATH: process.env.PATH,
      HOME: dir,
      XDG_CONFIG_HOME: dir,
      WRANGLER_LOG_PATH: dir,
      WRANGLER_SEND_METRICS: 'false',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere
    }
  })
  const files = (await readdir(join(dir, 'out'))).filter(name => name.endsWith('.js'))
  t.strictSame(files, ['worker.js'], 'one module')
  return join(dir, 'out', 'worker.js')
}

type Asked = readonly [path: string, init?: RequestInit]

/** The answers of a bundle, without their request ids. */
async function answersOf(path: string, requests: readonly Asked[], bindings: object) {
  const worker = (await import(path)) as WorkerModule
  const answers: { readonly status: number; readonly text: string; readonly headers: readonly string[] }[] = []
  for (const [target, init] of requests) {
    const response = await worker.default.fetch(new Request(PUBLIC_URL + target, init), bindings, { waitUntil() {} })
    const text = (await response.text()).replace(/"requestId":"[^"]*"/, '')
    answers.push({ status: response.status, text, headers: [...response.headers.keys()].sort() })
  }
  return answers
}

t.test('the bundles', async t => {
  const dir = await temporaryDir(t)
  const local = join(dir, 'worker.js')
  const [deployed] = await Promise.all([bundleWithWrangler(t), bundleWorker(local)])

  for (const [name, path] of Object.entries({ deployed, local })) {
    await t.test(`the ${name} bundle imports nothing and is small`, async t => {
      const text = await readFile(path, 'utf8')
      t.notMatch(text, /["']node:|\brequire\(["']|^\s*import\b|\bimport\(/m, 'no import of any kind')
      const bytes = gzipSync(text).length
      t.ok(bytes < MAX_GZIPPED_BYTES, `${bytes} bytes gzipped`)
    })
  }

  await t.test('both behave alike', async t => {
    const { bindings, origin, token } = await openSurroundings(t)
    origin.answer = (request, response) => response.end(`${request.method} ${request.url}`)
    const good = `Bearer ${token()}`
    const requests: readonly Asked[] = [
      ['/'],
      ['/health/live?a=b'],
      ['/api/v1/auth/login', { method: 'POST', body: 'x' }],
      ['/api/v1/users/me'],
      ['/api/v1/users/me', { headers: { authorization: 'Bearer a.b.c' } }],
      ['/api/v1/users/me', { headers: { authorization: good } }],
      ['/api/v1/users%2fme', { headers: { authorization: good } }],
      [`/${'x'.repeat(5000)}`]
    ]
    const [one, other] = await Promise.all([deployed, local].map(path => answersOf(path, requests, bindings)))
    t.strictSame(one, other)
    t.strictSame(
      one?.map(({ status }) => status),
      [200, 200, 200, 401, 401, 200, 400, 414]
    )
  })
})
