/** `npm run dev`: starts the whole system, says where it is, and stops it again. */

import { rename, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ConfigError } from '../server/lib/settings/settings-reader.ts'
import { openStack, type Stack } from './stack.ts'

/** What `--help` prints. */
const HELP = `npm run dev -- [options]

  --data DIR          where data is kept (default .data)
  --port N            the edge's port (default 8787; 0 for any free ones)
  --ready-file PATH   writes the URLs as JSON once everything answers

Settings of the environment apply: see .env.example. DATABASE_URL and REDIS_URL
replace the embedded engines.
`

const values = readArguments()

function readArguments() {
  try {
    return parseArgs({
      options: {
        data: { type: 'string', default: '.data' },
        port: { type: 'string', default: '8787' },
        'ready-file': { type: 'string' },
        help: { type: 'boolean', default: false }
      }
    }).values
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}`)
    process.exit(2)
  }
}

function greeting({ edge, origin, docs, mailbox, config }: Stack): string {
  const isSentElsewhere = process.env.SMTP_URL !== undefined
  return `
Gatehouse is ready. Ctrl-C stops it; what you do is kept in ${values.data}.

  Edge      ${edge}       send your requests here
  Origin    ${origin}       what the edge forwards to
  API docs  ${config.docs ? `${docs}  every route, with a form to try it` : 'switched off by DOCS'}
  Mailbox   ${mailbox}       ${isSentElsewhere ? 'empty, because SMTP_URL is set' : 'every email that is sent'}

A page of yours on http://localhost:5173 may call the edge with ALLOWED_ORIGINS=http://localhost:5173. Keep to the name
localhost: to a browser 127.0.0.1 is another site, and no cookie is kept across sites.

Try it:

  curl -i ${edge}${config.apiPrefix}/auth/register -H 'Content-Type: application/json' \\
    -d '{"email":"ada@example.com","password":"Correct-horse-7","name":"Ada"}'

`
}

/** Written beside and renamed, so that nobody reads half of it. */
async function writeReadyFile(path: string, { close, config, ...urls }: Stack): Promise<void> {
  await writeFile(`${path}.tmp`, `${JSON.stringify(urls, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.tmp`, path)
}

/** Resolves when somebody wants the system to stop, or when the npm that started it was killed. */
function stopRequested(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
    if (process.env.npm_lifecycle_event === undefined) return
    const parent = process.ppid
    setInterval(() => process.ppid !== parent && resolve(), 500).unref()
  })
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535)) throw new ConfigError(`--port takes a number from 0 to 65535, not "${text}"`)
  return port
}

async function run(): Promise<void> {
  const log = (line: string) => process.stderr.write(`${line}\n`)
  const stop = stopRequested()
  log('Starting PostgreSQL, Redis, mailbox, origin and edge …')
  const stack = await openStack({ dataDir: values.data, port: portOf(values.port), env: process.env, log })
  process.stdout.write(greeting(stack))
  if (values['ready-file'] !== undefined) await writeReadyFile(values['ready-file'], stack)
  await stop
  log('Stopping …')
  // A second Ctrl-C does not wait: the children are tied to this process and end with it.
  process.once('SIGINT', () => process.exit(130))
  await stack.close()
}

if (values.help) {
  process.stdout.write(HELP)
} else {
  await run().catch(error => {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  })
}
