/** Keys change under load: every origin accepts every valid token, and refuses those of a removed key. */

import postgres from 'postgres'
import t from 'tap'
import { createKeysCommand, kidOf } from '../lib/keys-command.ts'
import { call, PASSWORD, type SignedUp, signUp } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const AUTH = '/api/v1/auth'
const CLIENTS = 4

const verify = (base: string, token: string) => call(base, 'GET', `${AUTH}/verify-token`, { token })

interface Load {
  /** Unexpected answers, one line each. */
  readonly refusals: string[]
  /** The ids of the keys that signed tokens. */
  readonly kids: Set<string>
  /** The completed rounds of each client. */
  readonly rounds: number[]
  stop(): Promise<void>
}

/** Clients that repeatedly sign in, refresh and present every token to every origin. */
function beginLoad(people: readonly SignedUp[], bases: readonly [string, string]): Load {
  const refusals: string[] = []
  const kids = new Set<string>()
  const rounds = people.map(() => 0)
  let isStopped = false

  const note = (what: string, { status, body }: { status: number; body: { code?: string } }) => {
    if (status !== 200) refusals.push(`${what}: ${status} ${body.code}`)
  }
  const show = async (what: string, token: string) => {
    kids.add(kidOf(token))
    for (const base of bases) note(`${what} at ${bases.indexOf(base)}`, await verify(base, token))
  }
  const client = async (person: SignedUp, index: number) => {
    while (!isStopped) {
      // Consecutive steps go to different origins, in the reverse order in every second round.
      const [a, b] = (index + (rounds[index] ?? 0)) % 2 === 0 ? bases : [bases[1], bases[0]]
      const login = await call(a, 'POST', `${AUTH}/login`, { body: { email: person.email, password: PASSWORD } })
      note('login', login)
      await show('token of a login', login.body.accessToken)
      const refresh = await call(b, 'POST', `${AUTH}/refresh`, { body: { refreshToken: login.body.refreshToken } })
      note('refresh', refresh)
      await show('token of a refresh', refresh.body.accessToken)
      await show('token from before', person.accessToken)
      note('logout', await call(a, 'POST', `${AUTH}/logout`, { body: { refreshToken: refresh.body.refreshToken } }))
      rounds[index] = (rounds[index] ?? 0) + 1
    }
  }
  const running = Promise.all(people.map(client))
  return {
    refusals,
    kids,
    rounds,
    async stop() {
      isStopped = true
      await running
    }
  }
}

t.test('keys are rotated twice under load at two origins, and no token is refused', async t => {
  const origin = await openTestOrigin(t)
  const keys = await createKeysCommand(t, origin)
  const bases = [origin.url, (await origin.another()).url] as const
  const people = await Promise.all(Array.from({ length: CLIENTS }, () => signUp(origin.url, origin.mailbox)))
  const sql = postgres(origin.databaseUrl, { max: 1 })
  t.teardown(() => sql.end())

  const load = beginLoad(people, bases)
  const everybodyGoesRound = async (times: number) => {
    const from = [...load.rounds]
    await until('everybody has gone round', () => load.rounds.every((n, i) => n >= (from[i] ?? 0) + times))
  }
  await everybodyGoesRound(1)
  t.equal(await keys('rotate'), 2, 'the next key is too young')
  t.equal(await keys('rotate', '--now'), 0)
  t.equal(await keys('rotate', '--now'), 0, 'at once, before an origin has read what the first one did')
  const [active] = await sql`select kid from signing_keys where state = 'active'`
  await until('the newest key signs', () => load.kids.has(active?.kid))
  await everybodyGoesRound(3)
  await load.stop()

  t.strictSame(load.refusals, [])
  t.ok(load.kids.size >= 2, 'tokens of the first and of the last key were shown')
})

t.test('every origin refuses the tokens of a removed key, and signing in again works', async t => {
  const origin = await openTestOrigin(t)
  const keys = await createKeysCommand(t, origin)
  const bases = [origin.url, (await origin.another()).url] as const
  const { email, accessToken, refreshToken } = await signUp(origin.url, origin.mailbox)
  for (const base of bases) t.equal((await verify(base, accessToken)).status, 200)

  t.equal(await keys('remove', kidOf(accessToken)), 0)
  for (const base of bases) {
    await until('the token is refused', async () => (await verify(base, accessToken)).status === 401)
    await until('the key is not published', async () => {
      const { body } = await call(base, 'GET', '/.well-known/jwks.json')
      return !JSON.stringify(body).includes(kidOf(accessToken))
    })
  }
  const login = await call(bases[0], 'POST', `${AUTH}/login`, { body: { email, password: PASSWORD } })
  const refresh = await call(bases[1], 'POST', `${AUTH}/refresh`, { body: { refreshToken } })
  for (const { status, body } of [login, refresh]) {
    t.equal(status, 200)
    for (const base of bases) t.equal((await verify(base, body.accessToken)).status, 200)
  }
})
