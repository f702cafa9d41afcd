/** The edge's own answers, which look exactly like the origin's: problems, and preflights. */

import { bearerChallenge, DATA_ANSWER_HEADERS, PROBLEM_MEDIA_TYPE, REQUEST_ID_HEADER } from '../contract/http.ts'
import { PROBLEMS, type ProblemCode, type ProblemExtras, problemBody } from '../contract/problems.ts'

/** Builds the answer to a request that the edge refuses. */
export type Refuse = (
  code: ProblemCode,
  requestId: string,
  extras?: ProblemExtras,
  headers?: Readonly<Record<string, string>>
) => Response

/** Creates the answers of one deployment. */
export function createRefuse(publicUrl: string): Refuse {
  return (code, requestId, extras, headers) => {
    const { status } = PROBLEMS[code]
    const challenge = status === 401 ? { 'www-authenticate': bearerChallenge(code) } : {}
    return new Response(JSON.stringify(problemBody(publicUrl, code, requestId, extras)), {
      status,
      headers: {
        ...ownHeaders(requestId),
        'content-type': PROBLEM_MEDIA_TYPE,
        ...challenge,
        ...headers
      }
    })
  }
}

/** The answer to a preflight that the edge answers itself. */
export function answerPreflight(requestId: string, headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status: 204, headers: { ...ownHeaders(requestId), ...headers } })
}

function ownHeaders(requestId: string): Record<string, string> {
  return { ...DATA_ANSWER_HEADERS, 'cache-control': 'no-store', [REQUEST_ID_HEADER]: requestId }
}
