/** Makes every answer of the gateway: the origin's with our fields, problems, and preflights. */

import { corsHeaders } from '../contract/cors.ts'
import { bearerChallenge, DATA_ANSWER_HEADERS, PROBLEM_MEDIA_TYPE, REQUEST_ID_HEADER } from '../contract/http.ts'
import { PROBLEMS, type ProblemCode, type ProblemExtras, problemBody } from '../contract/problems.ts'
import { type QuotaState, rateLimitFields, retryAfterSeconds } from '../contract/rate-limit-fields.ts'
import type { Forwarded } from './forward.ts'
import { hasForeignId, withOurId } from './one-request-id.ts'
import type { Refusal } from './refusal.ts'

type Fields = Readonly<Record<string, string>>

/** A preflight that the edge answers without the origin. */
export interface Preflight {
  readonly ok: true
  readonly preflight: Fields
}

/** The outcome of a request. */
export type Outcome = Forwarded | Preflight | Refusal

/** What an answer says about its request, whatever the outcome. */
export interface Answered {
  readonly request: Request
  readonly requestId: string
  readonly quotas: readonly QuotaState[]
}

export interface RespondOptions {
  readonly publicUrl: string
  readonly allowedOrigins: readonly string[]
  /** More headers for every answer. */
  readonly debugHeaders: () => Fields
}

/** Turns the outcome of a request into its answer. */
export type Respond = (answered: Answered, outcome: Outcome) => Promise<Response>

/** Creates the answers of one deployment. */
export function createRespond({ publicUrl, allowedOrigins, debugHeaders }: RespondOptions): Respond {
  return async ({ request, requestId, quotas }, outcome) => {
    if (!outcome.ok) {
      const { problem, detail, retryAfterMs } = outcome
      return problemResponse(
        publicUrl,
        { problem, requestId, ...(detail !== undefined && { extras: { detail } }) },
        {
          ...rateLimitFields(quotas),
          ...corsHeaders(request.headers.get('origin'), allowedOrigins),
          ...debugHeaders(),
          ...(retryAfterMs !== undefined && { 'retry-after': String(retryAfterSeconds(retryAfterMs)) })
        }
      )
    }
    if ('preflight' in outcome) {
      const headers = { ...ownHeaders(requestId), ...outcome.preflight, ...debugHeaders() }
      return new Response(null, { status: 204, headers })
    }
    const { response } = outcome
    const answer = hasForeignId(response, requestId) ? await withOurId(response, requestId) : response
    return withFields(answer, { requestId, joined: rateLimitFields(quotas), replaced: debugHeaders() })
  }
}

/** A problem, and the request that it answers. */
export interface ProblemAnswer {
  readonly problem: ProblemCode
  readonly requestId: string
  readonly extras?: ProblemExtras
}

/** The answer to a request that the edge refuses: it looks exactly like the origin's. */
export function problemResponse(publicUrl: string, answer: ProblemAnswer, headers: Fields): Response {
  const { problem, requestId, extras } = answer
  const { status } = PROBLEMS[problem]
  const challenge = status === 401 ? { 'www-authenticate': bearerChallenge(problem) } : {}
  return new Response(JSON.stringify(problemBody(publicUrl, problem, requestId, extras)), {
    status,
    headers: { ...ownHeaders(requestId), 'content-type': PROBLEM_MEDIA_TYPE, ...challenge, ...headers }
  })
}

interface OurFields {
  readonly requestId: string
  /** The origin may have quotas of its own: ours join them in the same fields. */
  readonly joined: Fields
  readonly replaced: Fields
}

function withFields(response: Response, { requestId, joined, replaced }: OurFields): Response {
  // A WebSocket upgrade (101) must be handed through as it is.
  if (response.status === 101) return response
  const copy = new Response(response.body, response)
  const { headers } = copy
  if (headers.get(REQUEST_ID_HEADER) !== requestId) headers.set(REQUEST_ID_HEADER, requestId)
  for (const [name, value] of Object.entries(joined)) headers.append(name, value)
  for (const [name, value] of Object.entries(replaced)) headers.set(name, value)
  return copy
}

function ownHeaders(requestId: string): Record<string, string> {
  return { ...DATA_ANSWER_HEADERS, 'cache-control': 'no-store', [REQUEST_ID_HEADER]: requestId }
}
