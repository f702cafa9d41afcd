/** Clients that third-party tools generate from our document: they type-check, and pass the whole journey. */

import { execFile } from 'node:child_process'
import { cp, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import t from 'tap'
import { WITHOUT_COVERAGE } from '../lib/coverage.ts'
import { mailedToken, newAddress, PASSWORD } from '../lib/person.ts'
import { temporaryDir } from '../lib/test-engines.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import type { Journey } from './clients/person.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const ROOT = join(HERE, '../..')
const PROGRAMS = ['openapi-fetch', 'hey-api', 'orval']

/** Steps of every program, in no order. */
const EXPECTED = {
  registered: 202,
  verified: 200,
  loggedIn: 200,
  profile: 200,
  renamed: 200,
  sessions: 200,
  refreshed: 200,
  bare: 401,
  forbidden: 403,
  unknownLimit: 403,
  loggedOut: 200,
  after: 401,
  again: 200
}

const { url, mailbox } = await openTestOrigin(t, { DOCS: 'true' })
const workspace = await temporaryDir(t)
const dir = join(workspace, 'clients')

/** Runs a tool of this workspace in the temporary folder, and returns its output. */
async function tool(name: string, ...args: string[]): Promise<string> {
  const run = promisify(execFile)(join(HERE, 'node_modules/.bin', name), args, {
    cwd: dir,
    env: { ...process.env, ...WITHOUT_COVERAGE }
  })
  const { stdout, stderr } = await run.catch(error => {
    throw new Error(`${name} failed: ${error.stdout}${error.stderr}`)
  })
  return stdout + stderr
}

/** The answer to each request of the programs. */
const seen: Seen[] = []

interface Seen {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly mediaType: string
  readonly setsCookie: boolean
}

/** The part of the document that answers are compared with. */
interface Document {
  readonly servers: { url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Answers }>>>>
}

type Answers = Readonly<Record<string, { readonly content?: object; readonly headers?: object }>>

const document: Document = await (await fetch(`${url}/openapi.json`)).json()

t.before(async () => {
  await cp(join(HERE, 'clients'), dir, { recursive: true })
  // Two levels, because npm hoists some packages of a workspace and leaves others in it.
  await symlink(join(ROOT, 'node_modules'), join(workspace, 'node_modules'))
  await symlink(join(HERE, 'node_modules'), join(dir, 'node_modules'))
  // orval's client knows no other address; the public one of this origin leads nowhere.
  const servers = [{ url }]
  await writeFile(join(dir, 'openapi.json'), JSON.stringify({ ...document, servers }))
  const original = fetch
  globalThis.fetch = recorded(original)
  t.teardown(() => {
    globalThis.fetch = original
  })
})

t.test('openapi-typescript, @hey-api/openapi-ts and orval read the document without a warning', async t => {
  const input = join(dir, 'openapi.json')
  const outputs = await Promise.all([
    tool('openapi-typescript', input, '--output', 'generated/openapi-typescript/api.d.ts'),
    tool('openapi-ts', '--input', input, '--output', 'generated/hey-api'),
    tool('orval', '--config', 'orval.config.mjs')
  ])
  for (const output of outputs) t.notMatch(output, /warn|error|could not|deprecat/i)
})

t.test('a program on each of them type-checks', async t => {
  await t.resolves(tool('tsc', '--project', '.'))
})

for (const name of PROGRAMS) {
  t.test(`the program on ${name} goes from registration to logout`, async t => {
    const outfile = join(dir, `${name}.mjs`)
    await build({
      entryPoints: [join(dir, `${name}.ts`)],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'silent'
    })
    const program: { journey: Journey } = await import(pathToFileURL(outfile).href)
    const email = newAddress()
    const person = { email, password: PASSWORD, mailedToken: () => mailedToken(mailbox, email) }
    t.strictSame(await program.journey(url, person), EXPECTED)
  })
}

t.test('every answer to the programs is in the document', async t => {
  t.ok(seen.length >= PROGRAMS.length * Object.keys(EXPECTED).length)
  for (const { method, path, status, mediaType, setsCookie } of seen) {
    const name = `${method} ${path} ${status}`
    const answer = answersOf(method, path)?.[status]
    t.strictSame(Object.keys(answer?.content ?? {}), mediaType === '' ? [] : [mediaType], `${name}: its media type`)
    if (setsCookie) t.ok('Set-Cookie' in (answer?.headers ?? {}), `${name}: its cookies`)
  }
})

/** `fetch` that records each answer to a program. The origin calls Redis through the same function. */
function recorded(original: typeof fetch): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const response = await original(request)
    if (!request.url.startsWith(url)) return response
    const [mediaType = ''] = (response.headers.get('content-type') ?? '').split(';')
    seen.push({
      method: request.method.toLowerCase(),
      path: new URL(request.url).pathname,
      status: response.status,
      mediaType,
      setsCookie: response.headers.has('set-cookie')
    })
    return response
  }
}

function answersOf(method: string, path: string): Answers | undefined {
  const fits = (template: string) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path)
  return Object.entries(document.paths).find(([template, methods]) => fits(template) && method in methods)?.[1][method]
    ?.responses
}
