/** `npm run dev`: starts the whole system, prints its URLs, and stops it on a signal. */

import { rename, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ConfigError } from '../server/lib/settings/settings-reader.ts'
import { openStack, type Stack } from './stack.ts'

/** What `--help` prints. */
const HELP = `npm run dev -- [options]

  --data DIR          the data directory (default .data)
  --port N            the port of the edge (default 8787; 0 lets the system choose all ports)
  --ready-file PATH   write the URLs to this file as JSON once the system is ready
  --help              print this text and exit

Environment variables apply as in .env.example. DATABASE_URL and REDIS_URL replace
the embedded PostgreSQL and Redis.
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
Gatehouse is ready. Press Ctrl-C to stop it. Data is kept in ${values.data}.

  Edge      ${edge}       send your requests here
  Origin    ${origin}       what the edge forwards to
  API docs  ${config.docs ? `${docs}  all routes, with forms to try them` : 'disabled by DOCS'}
  Mailbox   ${mailbox}       ${isSentElsewhere ? 'empty, because SMTP_URL is set' : 'all emails of this system'}

To call the edge from a web page on http://localhost:5173, set ALLOWED_ORIGINS=http://localhost:5173. Use the name
localhost on both sides: browsers treat 127.0.0.1 as another site and do not send cookies across sites.

Try it:

  curl -i ${edge}${config.apiPrefix}/auth/register -H 'Content-Type: application/json' \\
    -d '{"email":"ada@example.com","password":"Correct-horse-7","name":"Ada"}'

`
}

/** Writes a temporary file and renames it, so that no reader sees half of it. */
async function writeReadyFile(path: string, { close, config, ...urls }: Stack): Promise<void> {
  await writeFile(`${path}.tmp`, `${JSON.stringify(urls, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.tmp`, path)
}

/** Resolves at a signal to stop, or when the npm process that started this one is gone. */
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
  if (!(port <= 65_535)) throw new ConfigError(`--port: expected a number from 0 to 65535, found "${text}"`)
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
