/** Finds faults in an OpenAPI document: in its structure by Redocly, in its security by rules of OWASP. */

import { createConfig, lintFromString } from '@redocly/openapi-core'

/** A broken rule and the place where it is broken: JSON keys, joined by commas. */
export interface Finding {
  readonly rule: string
  readonly at: string
}

type Json = Readonly<Record<string, unknown>>

interface Node {
  readonly at: readonly string[]
  readonly value: Json
}

/** Yields the places that break a rule. */
type Rule = (nodes: readonly Node[]) => readonly Node[]

const STRUCTURE = [
  'struct',
  'no-unresolved-refs',
  'operation-operationId-unique',
  'operation-parameters-unique',
  'operation-2xx-response',
  'operation-tag-defined',
  'path-parameters-defined',
  'path-declaration-must-exist',
  'no-identical-paths',
  'no-ambiguous-paths',
  'no-enum-type-mismatch',
  'no-invalid-media-type-examples',
  'no-invalid-schema-examples',
  'no-invalid-parameter-examples',
  'no-undefined-server-variable'
]

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete']
const CREDENTIAL = /(client_?secret|token|password|secret|api-?key)/i
const ENVIRONMENT = /\b(local|test|staging|production)\b/i

/** The OWASP API Security Top 10 of 2023, where a document can break it: `api2` is its second risk. */
const SECURITY: Readonly<Record<string, Rule>> = {
  'api1/no-numeric-ids': nodes =>
    parametersOf(nodes).filter(
      ({ value }) => /^id$|(_id|Id|-id)$/.test(String(value.name)) && isA('integer', value.schema)
    ),

  'api2/no-credentials-in-url': nodes =>
    parametersOf(nodes).filter(
      ({ value }) => /query|path/.test(String(value.in)) && CREDENTIAL.test(String(value.name))
    ),

  // Implies that no scheme uses Basic, an API key, Negotiate, OAuth 1 or an access token without expiry.
  'api2/only-bearer-jwts': nodes =>
    nodes.filter(({ at, value }) => at.at(-2) === 'securitySchemes' && !isBearerJwt(value)),

  'api2/write-restricted': nodes =>
    operationsOf(nodes).filter(({ at, value }) => !/^(get|head)$/.test(at.at(-1) ?? '') && !needsToken(value)),

  'api4/rate-limit': nodes =>
    responsesOf(nodes).filter(({ at, value }) => /^[24]/.test(at.at(-1) ?? '') && !has(value.headers, 'RateLimit')),

  'api4/retry-after': nodes =>
    responsesOf(nodes).filter(({ at, value }) => at.at(-1) === '429' && !has(value.headers, 'Retry-After')),

  'api4/array-limit': nodes => nodes.filter(({ value }) => isA('array', value) && !has(value, 'maxItems')),

  'api4/string-limit': nodes =>
    nodes.filter(({ value }) => isA('string', value) && !['maxLength', 'enum', 'const'].some(key => has(value, key))),

  'api4/integer-limit': nodes =>
    nodes.filter(({ value }) => isA('integer', value) && !(hasOneOf(value, 'minimum') && hasOneOf(value, 'maximum'))),

  'api4/integer-format': nodes => nodes.filter(({ value }) => isA('integer', value) && !has(value, 'format')),

  'api5/admin-security-unique': nodes => {
    const schemes = ({ value }: Node) =>
      (Array.isArray(value.security) ? value.security : []).map(one => JSON.stringify(one))
    const isAdmin = ({ at }: Node) => at[1]?.includes('/admin')
    const others = new Set(
      operationsOf(nodes)
        .filter(node => !isAdmin(node))
        .flatMap(schemes)
    )
    return operationsOf(nodes).filter(node => isAdmin(node) && schemes(node).some(one => others.has(one)))
  },

  'api8/define-cors-origin': nodes =>
    responsesOf(nodes).filter(({ value }) => !has(value.headers, 'Access-Control-Allow-Origin')),

  'api8/no-server-http': nodes => serversOf(nodes).filter(({ value }) => /^http:/.test(String(value.url))),

  'api9/inventory-access': nodes => serversOf(nodes).filter(({ value }) => !has(value, 'x-internal')),

  'api9/inventory-environment': nodes =>
    serversOf(nodes).filter(({ value }) => !ENVIRONMENT.test(String(value.description))),

  'array-items': nodes => nodes.filter(({ value }) => isA('array', value) && !has(value, 'items')),

  'unique-tags': nodes => {
    const tags = nodes.filter(({ at }) => at.length === 2 && at[0] === 'tags')
    return tags.filter(({ value }, index) => tags.findIndex(tag => tag.value.name === value.name) !== index)
  }
}

/** Every rule, by name. */
export const RULES: readonly string[] = [...STRUCTURE, ...Object.keys(SECURITY)]

/** Applies every rule to `document`. */
export async function lintOpenApi(document: object): Promise<Finding[]> {
  const nodes = [...nodesOf(document as Json)]
  const security = Object.entries(SECURITY).flatMap(([rule, find]) =>
    find(nodes).map(({ at }) => ({ rule, at: at.join() }))
  )
  return [...(await lintStructure(document)), ...security]
}

/** Whether an operation is refused without an access token; `{}` makes a token optional. */
export function needsToken({ security }: { readonly security?: unknown }): boolean {
  return Array.isArray(security) && security.length > 0 && security.every(scheme => Object.keys(scheme).length > 0)
}

async function lintStructure(document: object): Promise<Finding[]> {
  const config = await createConfig({ rules: Object.fromEntries(STRUCTURE.map(rule => [rule, 'error'])) })
  const problems = await lintFromString({ source: JSON.stringify(document), config })
  return problems.map(({ ruleId, location }) => ({ rule: ruleId, at: location[0]?.pointer ?? '' }))
}

/** Every object of the document, but for examples: their members are values and not schemas. */
function* nodesOf(value: unknown, at: readonly string[] = []): Generator<Node> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield { at, value: value as Json }
  for (const [key, member] of Object.entries(value)) {
    if (key !== 'example' && key !== 'examples') yield* nodesOf(member, [...at, key])
  }
}

function operationsOf(nodes: readonly Node[]): Node[] {
  return nodes.filter(({ at }) => at.length === 3 && at[0] === 'paths' && METHODS.includes(at[2] ?? ''))
}

function parametersOf(nodes: readonly Node[]): Node[] {
  return nodes.filter(({ at }) => at.at(-2) === 'parameters')
}

function responsesOf(nodes: readonly Node[]): Node[] {
  return nodes.filter(({ at }) => at.at(-2) === 'responses')
}

function serversOf(nodes: readonly Node[]): Node[] {
  return nodes.filter(({ at }) => at.at(-2) === 'servers')
}

/** RFC 8725 says how to verify tokens of this kind; the description must promise it. */
function isBearerJwt({ type, scheme, bearerFormat, description }: Json): boolean {
  return type === 'http' && scheme === 'bearer' && bearerFormat === 'JWT' && /RFC8725/.test(String(description))
}

function isA(type: string, schema: unknown): boolean {
  const found = (schema as Json | undefined)?.type
  return found === type || (Array.isArray(found) && found.includes(type))
}

function has(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
}

/** Whether a bound is given, inclusive or exclusive but not both. */
function hasOneOf(schema: Json, bound: 'minimum' | 'maximum'): boolean {
  return has(schema, bound) !== has(schema, `exclusive${bound.charAt(0).toUpperCase()}${bound.slice(1)}`)
}
