/** The shapes that a body may have, and the answers to others: one finding for each fault, for all bodies and queries. */

import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { call, PASSWORD, signUp } from '../../lib/person.ts'
import { openSubject, requestText } from './subject.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
}

interface Media {
  readonly schema: Schema
  readonly example?: Body
  readonly examples?: Readonly<Record<string, { readonly value: Body }>>
}

interface Operation {
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> }
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[]
}

type Body = Readonly<Record<string, unknown>>

/** A request with one fault, and the only member that the answer must name. */
type Fault = readonly [pointer: string, sent: unknown]

const { url, raw, sql, mailbox } = await openSubject(t, { DOCS: 'true' })
const person = await signUp(url, mailbox)
await sql`update users set role = 'admin' where id = ${person.userId}`
const login = { email: person.email, password: PASSWORD }
const token: string = (await call(url, 'POST', '/api/v1/auth/login', { body: login })).body.accessToken
const { body: document } = await call(url, 'GET', '/openapi.json')
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation }))
)

t.test('refresh and logout take no body, an empty one, an empty object and a token', async t => {
  const json = 'content-type: application/json'
  for (const path of ['/api/v1/auth/refresh', '/api/v1/auth/logout']) {
    const { refreshToken } = await signUp(url, mailbox)
    let cookie = `__Host-refresh=${refreshToken}`
    const bodies: readonly [name: string, headers: readonly string[], body?: string][] = [
      ['none', []],
      ['none, announced as JSON', [json]],
      ['an empty one', [json], ''],
      ['an empty object', [json], '{}']
    ]
    for (const [name, headers, body] of bodies) {
      const answer = await raw(
        requestText('POST', path, {
          headers: [...headers, `cookie: ${cookie}`],
          ...(body === undefined ? {} : { body })
        })
      )
      t.equal(answer.status, 200, `${path}: ${name}`)
      cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie
    }
    const other = await signUp(url, mailbox)
    t.equal((await call(url, 'POST', path, { body: { refreshToken: other.refreshToken } })).status, 200, path)
  }
})

t.test('one fault in a body is one finding, about that member', async t => {
  for (const { path, method, operation } of operations) {
    const media = operation.requestBody?.content['application/json']
    if (media === undefined) continue
    const example = media.example ?? Object.values(media.examples ?? {})[0]?.value ?? {}
    const target = path.replace(/\{\w+\}/, randomUUID())
    for (const [pointer, body] of bodyFaults(media.schema, example)) {
      await refused(t, method, target, [pointer], body)
    }
    if (operation.requestBody?.required) await refused(t, method, target, [''])
  }
})

t.test('two faults are two findings', async t => {
  await refused(t, 'POST', '/api/v1/auth/login', ['/password', '/x'], { email: person.email, x: 1 })
  await refused(t, 'POST', '/api/v1/auth/logout', ['/refreshToken', '/x'], { refreshToken: 1, x: 1 })
})

t.test('one fault in a query is one finding about the parameter at fault', async t => {
  for (const { path, method, operation } of operations) {
    const parameters = (operation.parameters ?? []).filter(parameter => parameter.in === 'query')
    if (parameters.length === 0) continue
    await refused(t, method, `${path}?surprise=1`, ['/surprise'])
    for (const { name, schema } of parameters) {
      for (const value of queryFaults(schema)) {
        const query = new URLSearchParams([value].flat().map(one => [name, one]))
        await refused(t, method, `${path}?${query}`, [`/${name}`])
      }
    }
  }
})

t.test('a finding says what would be right', async t => {
  const detailOf = async (method: string, path: string, body?: unknown) =>
    (await call(url, method, path, { token, ...(body === undefined ? {} : { body }) })).body.errors?.[0]?.detail
  t.equal(await detailOf('POST', '/api/v1/auth/logout', []), 'must be object')
  t.equal(
    await detailOf('PATCH', `/api/v1/admin/users/${person.userId}`, { role: 'root' }),
    'must be one of: user, admin'
  )
  t.equal(await detailOf('GET', '/api/v1/admin/users?limit=ten'), 'must be integer')
  t.equal(await detailOf('GET', '/api/v1/admin/users?limit=101'), 'must be <= 100')
})

/** Sends a request and holds the findings of its refusal against the members that are at fault. */
async function refused(t: Test, method: string, target: string, pointers: readonly string[], body?: unknown) {
  const name = `${method} ${target} ${JSON.stringify(body)?.slice(0, 80)}`
  const answer = await call(url, method, target, { token, ...(body === undefined ? {} : { body }) })
  t.match(answer, { status: 422, body: { code: 'invalid-request' } }, name)
  const named: string[] = answer.body.errors?.map((finding: { pointer: string }) => finding.pointer)
  t.strictSame(named?.toSorted(), pointers.toSorted(), name)
}

/** Every way to break one rule of a body's schema; `example` keeps all of them. */
function bodyFaults({ properties = {}, required = [] }: Schema, example: Body): Fault[] {
  const wrongBodies = [[], 'text', 5, true].map((body): Fault => ['', body])
  const missing = required.map((member): Fault => {
    const { [member]: _left, ...rest } = example
    return [`/${member}`, rest]
  })
  const wrongMembers = Object.entries(properties).flatMap(([member, schema]) =>
    wrongValues(schema).map((value): Fault => [`/${member}`, { ...example, [member]: value }])
  )
  return [...wrongBodies, ...missing, ...wrongMembers, ['/surprise', { ...example, surprise: 1 }]]
}

function wrongValues({ type, enum: words, minLength = 0, maxLength = 0 }: Schema): unknown[] {
  const others = [null, 5, 'text', true, [], {}].filter(value => typeof value !== type)
  if (type !== 'string') return others
  return [
    ...others,
    ...(words === undefined ? [] : ['nonsense']),
    ...(minLength > 0 ? [''] : []),
    ...(maxLength > 0 ? ['x'.repeat(maxLength + 1)] : [])
  ]
}

/** Values of a query parameter; a list is sent as the same parameter several times. */
function queryFaults(schema: Schema): (string | string[])[] {
  const { type, enum: words, maxLength = 0, maximum = 0 } = resolve(schema)
  if (type === 'integer')
    return ['', 'ten', '1e1', '01', '+1', '1.0', '-1', '0', String(maximum + 1), '9'.repeat(30), ['1', '2']]
  if (words !== undefined) return ['nonsense', '', [words[0] ?? '', words[1] ?? '']]
  return ['x'.repeat(maxLength + 1), ['a', 'b']]
}

function resolve(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : document.components.schemas[name]
}
