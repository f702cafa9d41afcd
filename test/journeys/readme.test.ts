/** The commands of the README, run unchanged. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { temporaryDir } from '../lib/test-engines.ts'
import { openTestStack } from '../lib/test-stack.ts'

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')

/** The first block of shell lines after a heading. */
function shellBlock(heading: string): string {
  const block = readme.split(`\n## ${heading}\n`)[1]?.split('```sh\n')[1]?.split('```')[0]
  if (block === undefined) throw new Error(`the README has no shell lines under "${heading}"`)
  return block
}

t.test('the journey of the README does what it says', async t => {
  const stack = await openTestStack(t)
  const lines = shellBlock('The journey')
    .replace('http://localhost:8787', stack.edge)
    .replace('http://localhost:8025', stack.mailbox)
  const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', lines], { cwd: await temporaryDir(t) })
  const answers = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(answers, [
    { message: 'Please open the link that we have emailed to you' },
    { message: 'Your address is verified. You can sign in now' },
    { email: 'ada@example.com', name: 'Ada', emailVerified: true },
    { tokenType: 'Bearer', expiresIn: 900 },
    { message: 'Logged out successfully' },
    { code: 'session-ended', status: 401 }
  ])
  t.equal(answers.length, 6)
})
