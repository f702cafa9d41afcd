/** URLs of hosting providers: each parameter is translated, dropped or refused, and none reaches the server unseen. */

import t from 'tap'
import { parseConnectionUrl } from '../../db/connection-url.ts'
import { migrateDatabase } from '../../db/migrate.ts'
import { emptyDatabase } from '../lib/test-engines.ts'

const BASE = 'postgres://user:p%40ss@db.example.com:5432/gatehouse'
const settingsOf = (query: string) => {
  const parsed = parseConnectionUrl(`${BASE}?${query}`)
  return parsed.ok ? parsed.value : parsed.reason
}
const plain = { url: BASE, ssl: undefined, targetSessionAttrs: undefined, startup: {}, prepares: true }

t.test('URLs of hosting providers are parsed', async t => {
  const table: readonly [string, string, object][] = [
    ['Neon', 'sslmode=require&channel_binding=require', { ssl: 'verify-full' }],
    ['Supabase, by Prisma', 'pgbouncer=true&connection_limit=1', { prepares: false }],
    ['Vercel', 'sslmode=require&supa=base-pooler.x', { ssl: 'require' }],
    ['Prisma', 'schema=public&connect_timeout=15&pool_timeout=10', {}],
    ['node-postgres', 'uselibpqcompat=true&sslmode=verify-full', { ssl: 'verify-full' }],
    ['Heroku', 'sslmode=no-verify', { ssl: 'require' }],
    ['several hosts', 'target_session_attrs=read-write', { targetSessionAttrs: 'read-write' }],
    ['an endpoint', 'options=endpoint%3Dep-1', { startup: { options: 'endpoint=ep-1' } }],
    ['a name', 'application_name=auth', { startup: { application_name: 'auth' } }],
    ['no TLS', 'sslmode=disable', { ssl: false }],
    ['nothing', '', {}]
  ]
  for (const [name, query, expected] of table) t.strictSame(settingsOf(query), { ...plain, ...expected }, name)
  const several = parseConnectionUrl('postgresql://u:p@a.example:5432,b.example:5433/db?target_session_attrs=any')
  t.match(several, { ok: true, value: { url: 'postgresql://u:p@a.example:5432,b.example:5433/db' } })
})

t.test('an unsupported parameter is refused by its name, and its value is not shown', async t => {
  const table: readonly [string, RegExp][] = [
    ['sslmode=on', /"sslmode" takes only disable, /],
    ['ssl=1', /"ssl" takes only/],
    ['sslrootcert=/etc/ca.pem', /"sslrootcert" is not supported: .*NODE_EXTRA_CA_CERTS/],
    ['sslcert=a', /"sslcert" is not supported/],
    ['schema=auth', /"schema" takes only public/],
    ['channel_binding=require&sslmode=disable', /contradicts its sslmode=disable/],
    ['statement_timeout=0', /"statement_timeout" is not supported/],
    ['search_path=x', /"search_path" is not supported/],
    ['host=/var/run', /"host" is not supported/],
    ['password=topsecret', /"password" is not supported/],
    ['SSLMODE=require', /"SSLMODE" is not supported/],
    ['__proto__=1', /"__proto__" is not supported/],
    ['constructor=1', /"constructor" is not supported/],
    ['postgres://u:topsecret@h/d=1', /"…" is not supported/],
    ['target_session_attrs=leader', /"target_session_attrs" takes only/]
  ]
  for (const [query, expected] of table) {
    t.match(settingsOf(query), expected, query)
    t.notMatch(settingsOf(query), /topsecret/)
  }
  t.match(settingsOf('a=1&b=2'), /"a".*; .*"b"/, 'all of them at once')
})

t.test('a URL that is not of a database is refused', async t => {
  for (const text of ['', 'mysql://a', 'postgres://', 'postgres://a b', 'postgres://u:p%zz@h/d', 'postgres://h:x/d']) {
    t.match(parseConnectionUrl(text), { ok: false, reason: /^expected postgres:/ }, text)
  }
})

t.test('a failed start shows the message of the server', async t => {
  const url = new URL(await emptyDatabase(t))
  const failing = async (change: (url: URL) => void) => {
    const wrong = new URL(url)
    change(wrong)
    const error = await migrateDatabase(wrong.href).then(
      () => new Error('it did not fail'),
      (error: Error) => error
    )
    t.notMatch(error.message, decodeURIComponent(url.password), 'without the password')
    return error.message
  }
  t.match(await failing(url => (url.password = 'wrong')), /password authentication failed .*28P01/)
  t.match(await failing(url => (url.pathname = '/nowhere')), /database "nowhere" does not exist \(3D000\)/)
  t.match(await failing(url => (url.port = '1')), /ECONNREFUSED/)
  t.match(
    await failing(url => (url.search = '?options=-c%20nosuch=1')),
    /unrecognized configuration parameter "nosuch"/
  )
  t.match(await failing(url => (url.search = '?sslmode=require')), /SSL|TLS|ECONNRESET/)
})
