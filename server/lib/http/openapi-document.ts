/** Adds to the OpenAPI document the parts that all answers share. The rest comes from the routes. */

interface Operation {
  requestBody?: { required?: boolean; content: Record<string, { schema?: { type?: unknown } }> }
  responses: Record<string, Answer>
}

interface Answer {
  description?: string
  headers?: Record<string, object>
}

/** The parts of a document that are read or changed here. */
interface Document {
  paths?: object
  components?: object
}

const HEADERS = {
  'X-Request-Id': header('The id of this request, as in the log', { format: 'uuid', maxLength: 36 }),
  RateLimit: header(
    'How much of each quota is left, and for how many seconds; draft-ietf-httpapi-ratelimit-headers-10',
    {
      examples: ['"address";r=299;t=61']
    }
  ),
  'RateLimit-Policy': header('The quotas that this request was charged to', {
    examples: ['"address";q=300;w=61']
  }),
  'Access-Control-Allow-Origin': header('The origin of the calling page, where it is listed', { format: 'uri' }),
  'Retry-After': header('Seconds to wait before the same request is accepted', {
    pattern: '^[1-9][0-9]*$',
    examples: ['30']
  }),
  'WWW-Authenticate': header('RFC 6750, section 3', { examples: ['Bearer error="invalid_token"'] })
} as const

const REASON_PHRASES: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'Done' }

/**
 * Adds the headers that edge and origin set on every answer, and a description to each answer without one. Marks the
 * bodies that a client may leave out.
 */
export function completeDocument<T extends Document>(document: T): T {
  for (const operation of operationsOf(document)) {
    if (operation.requestBody !== undefined) markOptional(operation.requestBody)
    for (const [status, answer] of Object.entries(operation.responses)) {
      answer.headers = {
        ...Object.fromEntries(headersOf(status).map(name => [name, reference(name)])),
        ...answer.headers
      }
      if (answer.description === 'Default Response') answer.description = REASON_PHRASES[status] ?? status
    }
  }
  return { ...document, components: { ...document.components, headers: HEADERS } }
}

/** @fastify/swagger declares every body required. A schema that allows `null` is that of an `optionalBody`. */
function markOptional(body: NonNullable<Operation['requestBody']>): void {
  for (const { schema } of Object.values(body.content)) {
    if (!Array.isArray(schema?.type) || !schema.type.includes('null')) continue
    body.required = false
    schema.type = 'object'
  }
}

function operationsOf(document: Document): Operation[] {
  return Object.values(document.paths ?? {}).flatMap(path => Object.values(path))
}

function headersOf(status: string): (keyof typeof HEADERS)[] {
  return [
    'X-Request-Id',
    'RateLimit',
    'RateLimit-Policy',
    'Access-Control-Allow-Origin',
    ...(status === '401' ? (['WWW-Authenticate'] as const) : []),
    ...(status === '429' || status === '503' ? (['Retry-After'] as const) : [])
  ]
}

function header(description: string, schema: object) {
  return { description, schema: { type: 'string', maxLength: 512, ...schema } }
}

function reference(name: string) {
  return { $ref: `#/components/headers/${name}` }
}
