/** Keys change while edges in workerd are under load: a rotation refuses no token, a removal those of its key. */

import t, { type Test } from 'tap'
import { type Edge, edgeBindings, WORKERD } from '../edge/lib/edge-places.ts'
import { openTinyOrigin } from '../edge/lib/tiny-origin.ts'
import { createKeysCommand, kidOf } from '../lib/keys-command.ts'
import { call, PASSWORD, signUp } from '../lib/person.ts'
import { openTestOrigin } from '../lib/test-origin.ts'
import { until } from '../lib/until.ts'

const AUTH = '/api/v1/auth'
/** A removal reaches the edges in the same way as a logout. */
const REACH_MS = 1_000
const WIDE = '1000000/60'

/** Two origins on the same engines, and two edges in front of an origin that accepts every request. */
async function openSystem(t: Test) {
  const one = await openTestOrigin(t)
  const other = await one.another()
  const bindings = {
    ...edgeBindings((await openTinyOrigin(t)).url, one.redis),
    JWKS_URL: `${one.url}/.well-known/jwks.json`,
    EDGE_QUOTA_ADDRESS: WIDE,
    EDGE_QUOTA_AUTH: WIDE,
    EDGE_QUOTA_USER: WIDE
  }
  const edges = await Promise.all([WORKERD.open(t, bindings), WORKERD.open(t, bindings)])
  const [person, bystander] = [await signUp(one.url, one.mailbox), await signUp(one.url, one.mailbox)]
  const signIn = async (base: string) => {
    const body = { email: person.email, password: PASSWORD }
    return (await call(base, 'POST', `${AUTH}/login`, { body })).body.accessToken as string
  }
  return {
    origins: [one.url, other.url],
    edges,
    signIn,
    old: bystander.accessToken,
    keys: await createKeysCommand(t, one)
  }
}

async function codeAt(edge: Edge, token: string): Promise<string> {
  const response = await edge.send(`${AUTH}/verify-token`, { headers: { authorization: `Bearer ${token}` } })
  const text = await response.text()
  return response.status === 200 ? 'ok' : JSON.parse(text).code
}

t.test('a rotation under load: no token of either origin is refused at either edge', async t => {
  const { origins, edges, signIn, old, keys } = await openSystem(t)
  const tokens = new Set<string>()
  const refusals: string[] = []
  let isOver = false
  const load = async (base: string) => {
    while (!isOver) {
      tokens.add(await signIn(base))
      for (const token of [...tokens].slice(-5)) {
        for (const code of await Promise.all(edges.map(edge => codeAt(edge, token)))) {
          if (code !== 'ok') refusals.push(code)
        }
      }
    }
  }
  const running = Promise.all(origins.map(load))
  const kids = () => new Set([...tokens].map(kidOf))
  await until('tokens are signed', () => tokens.size > 4)
  t.equal(await keys('rotate', '--now'), 0)
  await until('tokens are signed with the other key, too', () => kids().size === 2)
  const before = tokens.size
  await until('everybody signs with it', () => tokens.size > before + 8)
  isOver = true
  await running
  t.strictSame(refusals, [])
  for (const edge of edges) t.equal(await codeAt(edge, old), 'ok', 'the oldest token is as good as ever')
})

t.test(
  'a removed key: its tokens are refused at every edge within a second, those of the next key are not',
  async t => {
    const { origins, edges, signIn, keys } = await openSystem(t)
    const [origin = ''] = origins
    const token = await signIn(origin)
    for (const edge of edges) t.equal(await codeAt(edge, token), 'ok')

    t.equal(await keys('remove', kidOf(token)), 0)
    const removedMs = Date.now()
    for (const edge of edges) {
      const code = await until('the edge refuses', async () => {
        const begunMs = Date.now() - removedMs
        const answer = await codeAt(edge, token)
        if (answer === 'ok' && begunMs > REACH_MS) t.fail(`a request that began after ${begunMs} ms passed`)
        return answer === 'ok' ? undefined : answer
      })
      t.equal(code, 'token-invalid')
    }
    const fresh = await until('the origin signs with the next key', async () => {
      const candidate = await signIn(origin)
      return kidOf(candidate) === kidOf(token) ? undefined : candidate
    })
    for (const edge of edges) {
      t.equal(await codeAt(edge, fresh), 'ok')
      t.equal(await codeAt(edge, token), 'token-invalid', 'and stays refused')
    }
  }
)
