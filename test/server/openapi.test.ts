/**
 * The emitted OpenAPI document: equal to its snapshot, complete for each route, and valid.
 *
 * Over 200 lines: one origin emits the document for all of it.
 */

import { readFile } from 'node:fs/promises'
import t from 'tap'
import { isProblemCode, PROBLEMS } from '../../edge/contract/problems.ts'
import { PASSWORD } from '../lib/person.ts'
import { emitDocument, SNAPSHOT } from './openapi-document.ts'
import { type Finding, lintOpenApi, needsToken } from './openapi-rules.ts'

/** Findings that stay as they are. An exception that excuses nothing fails. */
const EXCEPTIONS: readonly { readonly rule: string; readonly at: RegExp; readonly because: string }[] = [
  {
    rule: 'api2/no-credentials-in-url',
    at: /^paths,\/api\/v1\/auth\/(verify-email|cancel-email-change)\/\{token\},/,
    because: 'an emailed token works once, never opens a session, and is posted by a page that has it in its fragment'
  },
  {
    rule: 'api2/write-restricted',
    at: /^paths,\/api\/v1\/auth\/(register|login|logout|refresh|(verify-email|cancel-email-change)\/\{token\}|resend-verification|forgot-password|reset-password),post$/,
    because:
      'the caller has no valid access token yet, or its token has expired; quotas and the login guard restrict it'
  },
  {
    rule: 'api4/string-limit',
    at: /,responses,/,
    because: 'the rule bounds what a server must accept; the values in answers were bounded when they were stored'
  },
  {
    rule: 'api4/array-limit',
    at: /,responses,/,
    because: 'as for strings'
  }
]

const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))

interface Media {
  readonly schema?: Schema
  readonly example?: unknown
  readonly examples?: unknown
}

interface Schema {
  readonly $ref?: string
  readonly examples?: readonly unknown[]
  readonly type?: string
  readonly enum?: readonly unknown[]
}

interface Parameter {
  readonly in: string
  readonly name: string
  readonly required?: boolean
  readonly schema: Schema
}

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, Answer>>
}

interface Answer {
  readonly description: string
  readonly content?: Record<string, Media>
  readonly headers?: Readonly<Record<string, object>>
}

const emitted = await emitDocument(t)
const document = JSON.parse(emitted)
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation }))
)

t.test('the document equals its snapshot', async t => {
  const snapshot = await readFile(SNAPSHOT, 'utf8')
  t.strictSame(document, JSON.parse(snapshot), 'if the change is meant: npm run openapi:renew, and read the diff')
})

t.test('every route has its own id, a summary and tags that are described', async t => {
  const described = document.tags.map((tag: { name: string }) => tag.name)
  const ids = operations.map(({ operation }) => operation.operationId)
  t.equal(new Set(ids).size, operations.length)
  for (const { name, operation } of operations) {
    t.match(operation.operationId, /^[a-z][A-Za-z]+$/, name)
    t.match(operation.summary, /^[A-Z].*[^.]$/, name)
    t.ok(operation.tags?.length && operation.tags.every(tag => described.includes(tag)), name)
  }
})

t.test('every route shows an example of its request and of its answer', async t => {
  const lacking = operations.flatMap(({ name, operation }) => [
    ...mediaWithoutExample(operation.requestBody?.content).map(type => `${name} takes ${type}`),
    ...Object.entries(operation.responses)
      .filter(([status]) => status.startsWith('2'))
      .flatMap(([status, answer]) => mediaWithoutExample(answer.content).map(type => `${name} gives ${status} ${type}`))
  ])
  t.strictSame(lacking, [])
})

t.test('every route names the problems that it can answer, under their own status', async t => {
  for (const { name, operation } of operations) {
    const named = problemsOf(operation)
    for (const [status, code] of named) {
      t.ok(isProblemCode(code) && String(PROBLEMS[code].status) === status, `${name}: ${code} under ${status}`)
    }
    const codes = named.map(([, code]) => code)
    const expected = [
      'internal',
      'rate-limited',
      'unavailable',
      ...(needsToken(operation) ? ['token-missing', 'token-invalid', 'token-expired', 'session-ended'] : []),
      ...(operation.requestBody ? ['invalid-request', 'payload-too-large', 'unsupported-media-type'] : []),
      ...(/^(GET|HEAD) /.test(name) ? [] : ['cross-site-request'])
    ]
    t.strictSame(
      expected.filter(code => !codes.includes(code)),
      [],
      name
    )
  }
})

t.test('the version is that of the package', async t => {
  t.equal(document.info.version, version)
})

t.test('a body is required exactly where the route asks for one', async t => {
  for (const { name, operation } of operations) {
    const { requestBody } = operation
    if (requestBody === undefined) continue
    const isOptional = /(refresh|logout)$/.test(name)
    t.equal(requestBody.required, !isOptional, name)
    t.equal(requestBody.content['application/json']?.schema?.type, 'object', `${name} takes an object and no null`)
  }
})

t.test('an unchanged example is harmless: no made-up token or id, and one user throughout', async t => {
  for (const { name, operation } of operations) {
    for (const parameter of operation.parameters ?? []) {
      t.notOk('example' in parameter || 'examples' in parameter, `${name} ${parameter.name}: is left to be filled in`)
    }
    const example = firstExample(operation)
    for (const member of ['refreshToken', 'captchaToken', 'deviceMark']) t.notOk(member in example, `${name} ${member}`)
    if ('currentPassword' in example) t.equal(example.currentPassword, PASSWORD, name)
    else if ('password' in example) t.equal(example.password, PASSWORD, name)
    if ('email' in example) {
      t.equal(example.email, /\/users\/me\/email$/.test(name) ? 'ada@example.org' : 'ada@example.com', name)
    }
    t.not(example.disabled, true, name)
  }
})

t.test('a choice of values is one enum, and the kinds of events are one schema', async t => {
  const unions = [...JSON.stringify(document).matchAll(/"(?:anyOf|oneOf)":\[\{"(?:const|type":"string","enum)"/g)]
  t.strictSame(unions, [], 'no union of single words')
  t.ok(document.components.schemas.AuditKind.enum.length > 20)
  const kind = parametersOf('listAuditEvents').find(({ name }) => name === 'kind')
  t.strictSame(kind?.schema, { $ref: '#/components/schemas/AuditKind' })
  const [first] = document.components.schemas.AuditKind.enum
  t.equal(JSON.stringify(document).split(`"${first}"`).length, 2, 'it is listed once')
})

t.test('a number in a query is an integer with bounds', async t => {
  for (const id of ['listUsers', 'listAuditEvents']) {
    const limit = parametersOf(id).find(({ name }) => name === 'limit')
    t.match(limit?.schema, { type: 'integer', minimum: 1, maximum: 100, default: 50 }, id)
  }
})

t.test('cookies are declared where they are read and where they are set', async t => {
  const [refresh, device] = ['__Host-refresh', '__Host-device']
  const read: Readonly<Record<string, readonly string[]>> = {
    register: [refresh, device],
    login: [refresh, device],
    refresh: [refresh],
    logout: [refresh],
    deleteAccount: [refresh, device],
    endAllSessions: [refresh],
    changePassword: [device],
    changeEmail: [device]
  }
  for (const [id, cookies] of Object.entries(read)) {
    const declared = parametersOf(id).filter(parameter => parameter.in === 'cookie')
    t.strictSame(
      declared.map(({ name, required }) => [name, required]),
      cookies.map(cookie => [cookie, false]),
      id
    )
  }
  const set = operations.flatMap(({ operation }) =>
    Object.entries(operation.responses)
      .filter(([, { headers }]) => headers?.['Set-Cookie'] !== undefined)
      .map(([status]) => `${operation.operationId} ${status}`)
  )
  const expected = ['register 201', 'login 200', 'refresh 200', 'logout 200', 'endAllSessions 204', 'deleteAccount 204']
  t.strictSame(
    expected.filter(one => !set.includes(one)),
    []
  )
})

t.test('the document breaks no rule of OpenAPI or OWASP, except where that is intended', async t => {
  const findings = await lintOpenApi(document)
  const excuses = (found: Finding) => EXCEPTIONS.filter(({ rule, at }) => rule === found.rule && at.test(found.at))
  t.strictSame(
    findings.filter(found => excuses(found).length === 0),
    []
  )
  const used = new Set(findings.flatMap(excuses))
  t.strictSame(
    EXCEPTIONS.filter(exception => !used.has(exception)),
    [],
    'every exception is used'
  )
})

function parametersOf(operationId: string): readonly Parameter[] {
  return operations.find(({ operation }) => operation.operationId === operationId)?.operation.parameters ?? []
}

/** The values that an unchanged form sends. */
function firstExample({ requestBody }: Operation): Readonly<Record<string, unknown>> {
  const media = requestBody?.content['application/json']
  const examples = Object.values((media?.examples ?? {}) as Record<string, { value: object }>)
  return { ...((media?.example ?? examples[0]?.value) as object | undefined) }
}

/** Media types with a schema and without an example. */
function mediaWithoutExample(content: Readonly<Record<string, Media>> = {}): string[] {
  const isShown = ({ example, examples, schema }: Media) =>
    example !== undefined ||
    examples !== undefined ||
    schema?.type === 'null' ||
    resolve(schema)?.examples !== undefined
  return Object.entries(content)
    .filter(([, media]) => !isShown(media))
    .map(([type]) => type)
}

function resolve(schema: Schema | undefined): Schema | undefined {
  const name = schema?.$ref?.split('/').at(-1)
  return name === undefined ? schema : document.components.schemas[name]
}

function problemsOf({ responses }: Operation): [string, string][] {
  return Object.entries(responses).flatMap(([status, { description, content }]) =>
    content?.['application/problem+json']
      ? [...description.matchAll(/`([a-z-]+)`:/g)].map((match): [string, string] => [status, match[1] ?? ''])
      : []
  )
}
