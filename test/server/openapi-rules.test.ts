/** The rules for OpenAPI documents: a sound document breaks none, and each rule finds a document that breaks it. */

import t from 'tap'
import { lintOpenApi, RULES } from './openapi-rules.ts'

const HEADER = { schema: { type: 'string', maxLength: 99 } }
const HEADERS = { RateLimit: HEADER, 'Access-Control-Allow-Origin': HEADER, 'Retry-After': HEADER }
const RESPONSES = { 200: { description: 'done', headers: HEADERS }, 429: { description: 'too many', headers: HEADERS } }
const ID = { name: 'id', in: 'path', required: true, schema: { type: 'string', maxLength: 36 } }
const USER = {
  type: 'object',
  properties: {
    names: { type: 'array', maxItems: 3, items: { type: 'string', maxLength: 9 } },
    age: { type: 'integer', minimum: 0, exclusiveMaximum: 200, format: 'int32' },
    role: { type: 'string', enum: ['user', 'admin'] }
  }
}
const JWT = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'verified according to RFC8725' }

const SOUND = {
  openapi: '3.1.0',
  info: { title: 'Users', version: '1.0.0' },
  servers: [{ url: 'https://api.example.com', description: 'production', 'x-internal': false }],
  tags: [{ name: 'users' }, { name: 'admin' }],
  paths: {
    '/users/{id}': {
      patch: {
        operationId: 'changeUser',
        tags: ['users'],
        security: [{ accessToken: [] }],
        parameters: [ID],
        requestBody: { content: { 'application/json': { schema: USER, example: { age: 36 } } } },
        responses: RESPONSES
      }
    },
    '/admin/users': {
      get: { operationId: 'listUsers', tags: ['admin'], security: [{ accessToken: ['admin'] }], responses: RESPONSES }
    }
  },
  components: { securitySchemes: { accessToken: JWT } }
}

const PATCH = ['paths', '/users/{id}', 'patch']
const LIST = ['paths', '/admin/users', 'get']
const MEDIA = [...PATCH, 'requestBody', 'content', 'application/json']
const MEMBERS = [...MEDIA, 'schema', 'properties']
const SCHEME = ['components', 'securitySchemes', 'accessToken']

/** How to break each rule: a member of the sound document, and its new value. */
const BREAKS: Readonly<Record<string, readonly (readonly [place: readonly string[], value: unknown])[]>> = {
  struct: [
    [['info'], {}],
    [[...PATCH, 'responses', '200', 'description'], undefined]
  ],
  'no-unresolved-refs': [[[...MEDIA, 'schema'], { $ref: '#/components/schemas/Missing' }]],
  'operation-operationId-unique': [[[...LIST, 'operationId'], 'changeUser']],
  'operation-parameters-unique': [
    [
      [...PATCH, 'parameters'],
      [ID, ID]
    ]
  ],
  'operation-2xx-response': [[[...PATCH, 'responses', '200'], undefined]],
  'operation-tag-defined': [[[...PATCH, 'tags'], ['unknown']]],
  'path-parameters-defined': [[[...PATCH, 'parameters'], []]],
  'path-declaration-must-exist': [[['paths', '/users/{}'], {}]],
  'no-identical-paths': [[['paths', '/users/{name}'], {}]],
  'no-ambiguous-paths': [[['paths', '/{name}/users'], {}]],
  'no-enum-type-mismatch': [[[...MEMBERS, 'role', 'enum'], [1]]],
  'no-invalid-media-type-examples': [[[...MEDIA, 'example'], { age: 'old' }]],
  'no-invalid-schema-examples': [[[...MEMBERS, 'age', 'examples'], ['old']]],
  'no-invalid-parameter-examples': [[[...PATCH, 'parameters', '0', 'example'], 1]],
  'no-undefined-server-variable': [[['servers', '0', 'url'], 'https://{host}.example.com']],
  'api1/no-numeric-ids': [[[...PATCH, 'parameters', '0', 'schema', 'type'], 'integer']],
  'api2/no-credentials-in-url': [[[...PATCH, 'parameters', '0', 'name'], 'refreshToken']],
  'api2/only-bearer-jwts': [
    [SCHEME, { type: 'http', scheme: 'basic', description: 'RFC8725' }],
    [SCHEME, { type: 'http', scheme: 'negotiate', description: 'RFC8725' }],
    [SCHEME, { type: 'apiKey', in: 'query', name: 'key', description: 'RFC8725' }],
    [SCHEME, { type: 'oauth2', flows: {}, description: 'RFC8725' }],
    [[...SCHEME, 'description'], 'a JWT']
  ],
  'api2/write-restricted': [
    [[...PATCH, 'security'], undefined],
    [
      [...PATCH, 'security'],
      [{ accessToken: [] }, {}]
    ]
  ],
  'api4/rate-limit': [[[...PATCH, 'responses', '200', 'headers', 'RateLimit'], undefined]],
  'api4/retry-after': [[[...PATCH, 'responses', '429', 'headers', 'Retry-After'], undefined]],
  'api4/array-limit': [[[...MEMBERS, 'names', 'maxItems'], undefined]],
  'api4/string-limit': [
    [[...MEMBERS, 'names', 'items', 'maxLength'], undefined],
    [[...MEMBERS, 'role', 'enum'], undefined]
  ],
  'api4/integer-limit': [
    [[...MEMBERS, 'age', 'minimum'], undefined],
    [[...MEMBERS, 'age', 'maximum'], 9]
  ],
  'api4/integer-format': [[[...MEMBERS, 'age', 'format'], undefined]],
  'api5/admin-security-unique': [[[...LIST, 'security'], [{ accessToken: [] }]]],
  'api8/define-cors-origin': [[[...PATCH, 'responses', '200', 'headers', 'Access-Control-Allow-Origin'], undefined]],
  'api8/no-server-http': [[['servers', '0', 'url'], 'http://api.example.com']],
  'api9/inventory-access': [[['servers', '0', 'x-internal'], undefined]],
  'api9/inventory-environment': [[['servers', '0', 'description'], 'the server']],
  'array-items': [[[...MEMBERS, 'names', 'items'], undefined]],
  'unique-tags': [[['tags', '1', 'name'], 'users']]
}

t.test('lintOpenApi() finds nothing in a sound document', async t => {
  t.strictSame(await lintOpenApi(SOUND), [])
})

t.test('lintOpenApi() finds every rule that a document breaks', async t => {
  t.strictSame(Object.keys(BREAKS), RULES, 'every rule is tried')
  for (const [rule, changes] of Object.entries(BREAKS)) {
    for (const [place, value] of changes) {
      const found = await lintOpenApi(changed(SOUND, place, value))
      t.ok(
        found.some(finding => finding.rule === rule),
        `${rule}: ${place.at(-1)} ${JSON.stringify(value)}`
      )
    }
  }
})

/** A copy of `document` with another value at `place`; `undefined` deletes the member. */
function changed(document: object, place: readonly string[], value: unknown): object {
  // As JSON, so that no part of the copy is shared with another one.
  const copy = JSON.parse(JSON.stringify(document))
  const parent = place.slice(0, -1).reduce((node, key) => node[key], copy)
  parent[place.at(-1) ?? ''] = value
  return JSON.parse(JSON.stringify(copy))
}
