/**
 * The command line: it makes the first administrator, verifies the audit log, and its errors say what to do.
 *
 * Over 200 lines: one database serves all commands, which act on the results of earlier ones.
 */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import t from 'tap'
import { REVOCATION_KEY } from '../../edge/contract/redis-keys.ts'
import { parseDelta, readCall } from '../../edge/revocation/read-call.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { runScript } from '../../edge/store/run-scripts.ts'
import { runCommand } from '../../server/cli/run-command.ts'
import { call, PASSWORD, signUp } from '../lib/person.ts'
import { appRole, emptyDatabase, redisEndpoint } from '../lib/test-engines.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const { url, mailbox, databaseUrl, config, redis } = await openTestOrigin(t)
const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end({ timeout: 1 }))
const ENV = { DATABASE_URL: await appRole(t, databaseUrl), ROOT_SECRETS: config.rootSecrets.join(',') }
const REDIS = { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: redis.token }

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

  t.match(await run(`users set-role ${ada.email} user`), {
    code: 2,
    err: `Tried to change "${ada.email}": expected another enabled administrator, found only this one. This is the last`
  })
  const grace = await signUp(url, mailbox)
  t.equal((await run(`users set-role ${grace.email} admin`)).code, 0)
  t.equal((await run(`users set-role ${ada.email} user`)).code, 0)
  await until('the running origin has published that the sessions ended', async () => {
    const { body } = await call(url, 'GET', '/api/v1/auth/verify-token', { token })
    return body.code === 'session-ended'
  })
  t.pass('the token is refused')
})

t.test('users disable, enable and show change and show an account', async t => {
  const { email } = await signUp(url, mailbox)
  t.match(await run(`users disable ${email}`), { code: 0, out: 'user, disabled' })
  t.match(await run(`users show ${email}`), { code: 0, out: 'user, disabled, address verified' })
  t.match(await run(`users enable ${email}`), { code: 0, out: 'user, enabled' })
})

t.test('audit verify reports an intact log, and the position of a fault', async t => {
  await until('every event has its link', async () => (await run('audit verify')).out.includes(', 0 not linked yet'))
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

/** The ids of the keys by their state, as `keys list` shows them. */
async function listedKeys(): Promise<Record<string, string[]>> {
  const { out } = await run('keys list')
  const byState: Record<string, string[]> = {}
  for (const [, kid = '', state = ''] of out.matchAll(/^(\S+) {2}(\w+) since \d{4}-\S+Z/gm)) {
    byState[state] = [...(byState[state] ?? []), kid]
  }
  return byState
}

t.test(
  'keys list shows the state of each key, and keys rotate refuses until every edge can know the next key',
  async t => {
    const { active, next } = await listedKeys()
    t.match([active?.length, next?.length], [1, 1])
    t.match((await run('keys list')).out, /next since \S+, can sign in [1-6]\d\d s\n/)
    const early = await run('keys rotate')
    t.match(early, { code: 2, out: '', err: /"\S+" yet: wait another [1-6]\d\d s, or use --now/ })
    t.match(await listedKeys(), { active, next })

    await sql`update signing_keys set created_at = created_at - interval '10 min' where state = 'next'`
    t.match(await run('keys rotate'), { code: 0, out: `"${next?.[0]}" signs from now on`, err: '' })
    t.match(await listedKeys(), { active: next, retiring: active })
    const urgent = await run('keys rotate --now')
    t.match(urgent, { code: 0, err: /Edges that have not read "\S+" yet refuse its tokens, for up to \d+ s/ })
  }
)

t.test('keys remove publishes the removal where it can, otherwise a running origin does', async t => {
  const isTold = async (kid: string) => {
    const { ended } = parseDelta(await runScript(openRedis(redis), readCall(undefined)))
    return ended.some(({ entry }) => entry === `key:${kid}`)
  }
  const isNoted = async (kid: string) =>
    (await sql`select removal_published from signing_keys where kid = ${kid}`)[0]?.removal_published === true

  const [active = ''] = (await listedKeys()).active ?? []
  t.match(await run(`keys remove ${active}`, { ...ENV, ...REDIS }), {
    code: 0,
    out: 'The removal is published: every edge refuses the key within a second.'
  })
  t.ok(await isTold(active))
  t.ok(await isNoted(active))
  t.match((await listedKeys()).removed, [active])

  const [other = ''] = (await listedKeys()).active ?? []
  t.match(await run(`keys remove ${other}`), { code: 0, out: /not published yet \(UPSTASH_\S+ and/ })
  const away = { ...ENV, ...REDIS, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' }
  const [third = ''] = (await listedKeys()).next ?? []
  t.match(await run(`keys remove ${third}`, away), { code: 0, out: /not published yet \(Redis could not be reached/ })
  for (const kid of [other, third])
    await until('the origin has told of it', async () => (await isTold(kid)) && isNoted(kid))

  const { email } = await signUp(url, mailbox)
  const login = await call(url, 'POST', '/api/v1/auth/login', { body: { email, password: PASSWORD } })
  t.equal(login.status, 200, 'people sign in all the same')
})

t.test('keys remove drops nothing from the set, even with a long life of tokens', async t => {
  // A set that no origin writes to, because an origin drops entries that are too old for it.
  const { url, token } = await redisEndpoint(t)
  const client = openRedis({ url, token })
  const there = { ...ENV, UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }
  const hoursAgo = Date.now() - 10 * 3_600_000
  await client.zadd(REVOCATION_KEY, { score: hoursAgo, member: 'of a token that lives long' })
  const [active = ''] = (await listedKeys()).active ?? []
  t.match(await run(`keys remove ${active}`, there), {
    code: 0,
    out: 'The removal is published: every edge refuses the key within a second.'
  })
  t.equal(Number(await client.zscore(REVOCATION_KEY, 'of a token that lives long')), hoursAgo)
})

t.test('migrate brings an empty database to the newest schema, as its owner', async t => {
  const owner = await emptyDatabase(t)
  t.match(await run('migrate', { DATABASE_URL: ENV.DATABASE_URL, MIGRATION_DATABASE_URL: owner }), { code: 0 })
  t.match(await run('audit verify', { DATABASE_URL: owner }), { code: 0, out: '0 events checked' })
  const asApp = await run('migrate', ENV)
  t.equal(asApp.code, 0, 'without a pending migration every role can run it')
})

t.test('an error says what was attempted, what was found and what to do', async t => {
  const table: readonly [string, number, RegExp, Record<string, string>?][] = [
    ['users set-role nobody@example.com admin', 2, /register it and open/],
    ['users set-role nobody admin', 2, /Expected the email address/],
    ['users set-role', 2, /Usage: gatehouse users set-role EMAIL ROLE/],
    ['users set-role ada@example.com root', 2, /ROLE is admin or user/],
    ['users disable', 2, /Expected the email address/],
    ['users', 2, /There is no command "users"[\s\S]*users set-role EMAIL ROLE/],
    ['frobnicate', 2, /There is no command "frobnicate"/],
    ['users show ada@example.com', 1, /DATABASE_URL is missing[\s\S]*ROOT_SECRETS is missing/, {}],
    ['audit verify', 1, /DATABASE_URL is malformed/, { DATABASE_URL: 'mysql://x' }],
    ['audit verify', 1, /check DATABASE_URL/, { DATABASE_URL: 'postgres://a:top-secret@127.0.0.1:1/x' }],
    ['migrate', 1, /DATABASE_URL is missing/, {}],
    ['keys', 2, /keys rotate \[--now\][\s\S]*keys remove KID/],
    ['keys list all', 2, /Usage: gatehouse keys list/],
    ['keys rotate now', 2, /Usage: gatehouse keys rotate \[--now\]/],
    ['keys rotate --now --now', 2, /Usage: gatehouse keys rotate/],
    ['keys remove', 2, /Usage: gatehouse keys remove KID/],
    ['keys remove a b', 2, /Usage: gatehouse keys remove KID/],
    ['keys remove nothing', 2, /Found no key "nothing"[^\n]+gatehouse keys list/],
    [
      'keys remove x',
      1,
      /UPSTASH_REDIS_REST_URL is malformed/,
      { ...ENV, UPSTASH_REDIS_REST_URL: 'redis://top-secret' }
    ],
    ['keys rotate', 1, /DATABASE_URL is missing[\s\S]*ROOT_SECRETS is missing/, {}],
    ['keys rotate --now', 1, /ROOT_SECRETS/, { ...ENV, ROOT_SECRETS: 'another root secret that is long enough too' }]
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

t.test('the program reads the environment, writes lines and has an exit code', async t => {
  const main = fileURLToPath(new URL('../../server/cli/main.ts', import.meta.url))
  const start = (args: string[]) =>
    promisify(execFile)(process.execPath, [main, ...args], { env: { ...ENV, NODE_OPTIONS: '' } })
  const error = await start(['users', 'show', 'nobody@example.com']).catch(found => found)
  t.match(error, {
    code: 2,
    stdout: '',
    stderr: /^Found no account with the email address "nobody@example.com": [^\n]+\n$/
  })
  t.match((await start(['help'])).stdout, 'gatehouse <command>')
})
