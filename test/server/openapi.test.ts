/** The OpenAPI document as it is emitted: unchanged unless somebody meant it, complete for each route, and sound. */

import { readFile } from 'node:fs/promises'
import spectral, { type RulesetDefinition } from '@stoplight/spectral-core'
import owasp from '@stoplight/spectral-owasp-ruleset'
import rulesets from '@stoplight/spectral-rulesets'
import t from 'tap'
import { isProblemCode, PROBLEMS } from '../../edge/contract/problems.ts'
import { emitDocument, SNAPSHOT } from './openapi-document.ts'

/** What the lint finds and we leave as it is; an exception that excuses nothing any more fails. */
const EXCEPTIONS: readonly { readonly rule: string; readonly at: RegExp; readonly because: string }[] = [
  {
    rule: 'owasp:api2:2023-no-credentials-in-url',
    at: /^paths,\/api\/v1\/auth\/(verify-email|cancel-email-change)\/\{token\},/,
    because: 'a mailed token is good once, never opens a session, and is posted by a page that has it in its fragment'
  },
  {
    rule: 'owasp:api2:2023-write-restricted',
    at: /^paths,\/api\/v1\/auth\/(register|login|refresh|logout|(verify-email|cancel-email-change)\/\{token\}|resend-verification|forgot-password|reset-password),post$/,
    because: 'whoever calls these has no access token yet, or not any more; quotas and the login guard restrict them'
  },
  {
    rule: 'owasp:api4:2023-string-limit',
    at: /,responses,/,
    because: 'the rule bounds what a server must take in; what we answer was bounded when it was stored'
  },
  {
    rule: 'owasp:api4:2023-array-limit',
    at: /,responses,/,
    because: 'as above'
  }
]

// Both are rulesets, typed against other copies of the same types.
const RULESET = { extends: [rulesets.oas, owasp] } as unknown as RulesetDefinition

const ERROR = 0

interface Media {
  readonly schema?: Schema
  readonly example?: unknown
  readonly examples?: unknown
}

interface Schema {
  readonly $ref?: string
  readonly examples?: readonly unknown[]
  readonly type?: string
}

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: unknown
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Record<string, Media> }>
  >
}

const emitted = await emitDocument(t)
const document = JSON.parse(emitted)
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation }))
)

t.test('the document is the one that was agreed on', async t => {
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

t.test('every route shows an example of what it takes and of what it gives', async t => {
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
      ...(operation.security ? ['token-missing', 'token-invalid', 'token-expired', 'session-ended'] : []),
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

t.test('Spectral finds no error by the rules of OpenAPI and OWASP, but for those that we except', async t => {
  const linter = new spectral.Spectral()
  linter.setRuleset(RULESET)
  const findings = await linter.run(document)
  const errors = findings
    .filter(({ severity }) => severity === ERROR)
    .map(({ code, path }) => ({ code, at: path.join() }))

  const excused = (found: { code: string | number; at: string }) =>
    EXCEPTIONS.filter(({ rule, at }) => rule === found.code && at.test(found.at))
  t.strictSame(
    errors.filter(found => excused(found).length === 0),
    []
  )
  const used = new Set(errors.flatMap(excused))
  t.strictSame(
    EXCEPTIONS.filter(exception => !used.has(exception)),
    [],
    'no exception is left over'
  )
})

t.test('the lint would find what it should', async t => {
  const linter = new spectral.Spectral()
  linter.setRuleset(RULESET)
  const paths = { '/api/v1/open': { post: { responses: {} } } }
  const codes = (await linter.run({ ...document, paths })).map(({ code }) => code)
  for (const code of ['owasp:api2:2023-write-restricted', 'operation-success-response'])
    t.ok(codes.includes(code), code)
})

/** Media types whose schema can be shown and is not. */
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
