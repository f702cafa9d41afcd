/** Problem answers as response schemas: the OpenAPI document lists each problem that a route can answer. */

import { Type } from '@sinclair/typebox'
import { PROBLEMS, type ProblemCode, problemBody } from '../../../edge/contract/problems.ts'

/** RFC 9457. One schema for all problems. The description of a response lists the codes of its status. */
export const Problem = Type.Object(
  {
    type: Type.String({
      format: 'uri',
      maxLength: 512,
      description: 'The address of a page that explains the problem'
    }),
    title: Type.String({ maxLength: 128, description: 'The same for every problem of this `code`' }),
    status: Type.Integer({ minimum: 400, maximum: 599, format: 'int32' }),
    code: Type.String({ enum: Object.keys(PROBLEMS), description: 'Identifies the problem, for programs' }),
    requestId: Type.String({ format: 'uuid', maxLength: 36 }),
    detail: Type.Optional(Type.String({ maxLength: 256, description: 'How to correct the request' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({
            maxLength: 256,
            description: 'A JSON Pointer (RFC 6901) into the body, or to a query parameter'
          }),
          detail: Type.String({ maxLength: 256 })
        }),
        { maxItems: 20 }
      )
    ),
    siteKey: Type.Optional(
      Type.String({ maxLength: 128, description: 'The site key of the challenge, with `captcha-required`' })
    )
  },
  {
    $id: 'Problem',
    examples: [problemBody('https://auth.example.com', 'token-expired', '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f60')]
  }
)

/** Problems that every route can answer. */
const ANYWHERE: readonly ProblemCode[] = [
  'uri-too-long',
  'headers-too-large',
  'malformed-request',
  'unsupported-media-type',
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

/** Further problems of a route with a JSON body. */
export const BODY_PROBLEMS = [
  'invalid-request',
  'payload-too-large',
  'unsupported-media-type',
  'cross-site-request'
] as const

/** Further problems of a route that needs an access token. */
export const TOKEN_PROBLEMS = ['token-missing', 'token-invalid', 'token-expired', 'session-ended'] as const

/** Further problems of a state-changing route without a body: a body was sent, or another site sent the request. */
export const BODILESS_PROBLEMS = ['payload-too-large', 'unsupported-media-type', 'cross-site-request'] as const

/** Further problems of a route that asks for the password again. */
export const PROOF_PROBLEMS = ['password-incorrect', 'captcha-required', 'too-many-attempts'] as const
