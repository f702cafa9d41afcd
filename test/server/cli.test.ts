/** The command line: the first administrator is made by it, the log is checked by it, and its errors say what to do. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import t from 'tap'
import { openAppRole } from '../../local/postgres/app-role.ts'
import { runCommand } from '../../server/cli/run-command.ts'
import { call, PASSWORD, signUp } from '../lib/person.ts'
import { emptyDatabase } from '../lib/test-engines.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const { url, mailbox, databaseUrl, config } = await openTestOrigin(t)
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end({ timeout: 1 }))
const ENV = { DATABASE_URL: await openAppRole(databaseUrl), ROOT_SECRETS: config.rootSecrets.join(',') }

async function run(
  line: string,
  env: Record<string, string> = ENV
): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' }
  const code = await runCommand(line.split(' ').filter(Boolean), env, {
    out: text => {
      said.out += `${text}\n`
    },
    err: text => {
      said.err += `${text}\n`
    }
  })
  return { code, ...said }
}

t.test('set-role makes the first administrator, and demoting one ends the sessions everywhere', async t => {
  const ada = await signUp(url, mailbox)
  t.match(await run(`users set-role ${ada.email.toUpperCase()} admin`), {
    code: 0,
    out: `${ada.email}: admin, enabled`
  })
  const login = await call(url, 'POST', '/api/v1/auth/login', { body: { email: ada.email, password: PASSWORD } })
  const token = login.body.accessToken
  const { status, body } = await call(url, 'GET', `/api/v1/admin/audit-events?kind=role-changed`, { token })
  t.equal(status, 200)
  t.match(body.events, [{ userId: ada.userId, actorId: null, ipAddress: 'command line', details: { role: 'admin' } }])

  t.match(await run(`users set-role ${ada.email} user`), { code: 2, err: /last administrator/ })
  const grace = await signUp(url, mailbox)
  t.equal((await run(`users set-role ${grace.email} admin`)).code, 0)
  t.equal((await run(`users set-role ${ada.email} user`)).code, 0)
  await until('the running origin has told that the sessions have ended', async () => {
    const { body } = await call(url, 'GET', '/api/v1/auth/verify-token', { token })
    return body.code === 'session-ended'
  })
  t.pass('the token is refused')
})

t.test('disable, enable and show do what they say', async t => {
  const { email } = await signUp(url, mailbox)
  t.match(await run(`users disable ${email}`), { code: 0, out: 'user, disabled' })
  t.match(await run(`users show ${email}`), { code: 0, out: 'user, disabled, address verified' })
  t.match(await run(`users enable ${email}`), { code: 0, out: 'user, enabled' })
})

t.test('audit verify says that the log is intact, and where it is not', async t => {
  await until('everything has its link', async () => (await run('audit verify')).out.includes(' 0 wait'))
  const { code, out } = await run('audit verify')
  t.equal(code, 0)
  const [, newest] = /Newest link: (\S+)/.exec(out) ?? []
  t.equal((await run(`audit verify --expect ${newest}`)).code, 0)
  t.match(await run(`audit verify --expect ${newest?.replace(/^\d+/, '1')}`), { code: 1, err: 'cut off' })
  for (const args of ['--expect', '--expect x', `--expect 1:abc`, 'now']) {
    t.match(await run(`audit verify ${args}`), { code: 2, err: 'Usage' }, args)
  }
  await sql.begin(async sql => {
    await sql`set local session_replication_role = replica`
    await sql`update audit_events set outcome = 'failure' where id = (select event_id from audit_chain where position = 2)`
  })
  const broken = await run('audit verify')
  t.match(broken, { code: 1, err: /tampered with at position 2, event \S+: the event or its hash was altered/ })
})

t.test('migrate brings an empty database to the newest schema, as its owner', async t => {
  const owner = await emptyDatabase(t)
  t.match(await run('migrate', { DATABASE_URL: ENV.DATABASE_URL, MIGRATION_DATABASE_URL: owner }), { code: 0 })
  t.match(await run('audit verify', { DATABASE_URL: owner }), { code: 0, out: '0 events checked' })
  const asApp = await run('migrate', ENV)
  t.equal(asApp.code, 0, 'where nothing is missing anybody can run it')
})

t.test('an error says what was tried, what was found and what to do next', async t => {
  const table: readonly [string, number, RegExp, Record<string, string>?][] = [
    ['users set-role nobody@example.com admin', 2, /has to register/],
    ['users set-role nobody admin', 2, /no mail address/],
    ['users set-role', 2, /Usage: gatehouse users set-role EMAIL ROLE/],
    ['users set-role ada@example.com root', 2, /ROLE is admin or user/],
    ['users disable', 2, /no mail address/],
    ['users', 2, /There is no command "users"[\s\S]*users set-role EMAIL ROLE/],
    ['frobnicate', 2, /There is no command "frobnicate"/],
    ['users show ada@example.com', 1, /DATABASE_URL is missing[\s\S]*ROOT_SECRETS is missing/, {}],
    ['audit verify', 1, /DATABASE_URL is malformed/, { DATABASE_URL: 'mysql://x' }],
    ['audit verify', 1, /check DATABASE_URL/, { DATABASE_URL: 'postgres://a:top-secret@127.0.0.1:1/x' }],
    ['migrate', 1, /DATABASE_URL is missing/, {}]
  ]
  for (const [line, code, pattern, env] of table) {
    const answer = await run(line, env ?? ENV)
    t.equal(answer.code, code, line)
    t.match(answer.err, pattern)
    t.notMatch(answer.err, /top-secret|\n\s+at /)
  }
  const foreign = { ...ENV, ROOT_SECRETS: 'another root secret that is long enough too' }
  const { email } = await signUp(url, mailbox)
  t.match(await run(`users disable ${email}`, foreign), { code: 1, err: 'ROOT_SECRETS' })
  t.match(await run('--help'), { code: 0, out: 'audit verify' })
  t.match(await run(''), { code: 0, out: 'migrate' })
})

t.test('it is a program: it reads the environment, writes lines and has an exit code', async t => {
  const main = fileURLToPath(new URL('../../server/cli/main.ts', import.meta.url))
  const start = (args: string[]) =>
    promisify(execFile)(process.execPath, [main, ...args], { env: { ...ENV, NODE_OPTIONS: '' } })
  const error = await start(['users', 'show', 'nobody@example.com']).catch(found => found)
  t.match(error, { code: 2, stdout: '', stderr: /^Nobody has the address "nobody@example.com": [^\n]+\n$/ })
  t.match((await start(['help'])).stdout, 'gatehouse <command>')
})
