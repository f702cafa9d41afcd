/** Problem answers as response schemas, so that the OpenAPI document names each one that a route can give. */

import { Type } from '@sinclair/typebox'
import { PROBLEMS, type ProblemCode } from '../../edge/contract/problems.ts'

/** RFC 9457. One schema for all: the codes of a status are named in the response's description. */
export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    code: Type.String(),
    requestId: Type.String({ format: 'uuid' }),
    detail: Type.Optional(Type.String()),
    errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() }))),
    siteKey: Type.Optional(Type.String())
  },
  { $id: 'Problem' }
)

/** What any route can answer, whatever it does. */
const ANYWHERE: readonly ProblemCode[] = [
  'malformed-request',
  'edge-required',
  'rate-limited',
  'internal',
  'unavailable'
]

/** Response schemas for the problems of a route, by status. */
export function problems(...codes: readonly ProblemCode[]): Record<number, object> {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of new Set([...codes, ...ANYWHERE])) {
    const { status } = PROBLEMS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries([...byStatus].map(([status, names]) => [status, problemResponse(names)]))
}

function problemResponse(codes: readonly ProblemCode[]): object {
  return {
    description: codes.map(code => `\`${code}\`: ${PROBLEMS[code].title}`).join('\n\n'),
    content: { 'application/problem+json': { schema: Type.Ref('Problem') } }
  }
}

/** What a route with a JSON body can answer besides. */
export const BODY_PROBLEMS = [
  'invalid-request',
  'payload-too-large',
  'unsupported-media-type',
  'cross-site-request'
] as const

/** What a route that needs an access token can answer besides. */
export const TOKEN_PROBLEMS = ['token-missing', 'token-invalid', 'token-expired', 'session-ended'] as const
