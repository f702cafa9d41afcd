/** The process as an operator sees it: an invalid start ends with one message. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const MAIN = fileURLToPath(new URL('../../server/main.ts', import.meta.url))

async function runMain(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [MAIN], { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    output.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    output.stderr += chunk
  })
  const [code] = await once(child, 'close')
  return { code, ...output }
}

t.test(
  'without any setting a production process exits with 1 and one message that names every required setting',
  async t => {
    const { code, stdout, stderr } = await runMain({ NODE_ENV: 'production' })
    t.equal(code, 1)
    t.equal(stdout, '')
    const required =
      'PUBLIC_URL DATABASE_URL UPSTASH_REDIS_REST_URL UPSTASH_REDIS_REST_TOKEN ROOT_SECRETS EDGE_SECRET SMTP_URL ALLOWED_ORIGINS'
    for (const name of required.split(' ')) t.match(stderr, `${name} is missing`)
    t.equal(stderr.match(/settings are missing or malformed/g)?.length, 1, 'one message')
    t.notMatch(stderr, /\n\s+at /, 'and no stack')
  }
)
