/** A problem as a Response: the edge's own answers look exactly like the origin's. */

import { bearerChallenge, DATA_ANSWER_HEADERS, PROBLEM_MEDIA_TYPE, REQUEST_ID_HEADER } from './contract/http.ts'
import { PROBLEMS, type ProblemCode, type ProblemExtras, problemBody } from './contract/problems.ts'

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
        ...DATA_ANSWER_HEADERS,
        'content-type': PROBLEM_MEDIA_TYPE,
        'cache-control': 'no-store',
        [REQUEST_ID_HEADER]: requestId,
        ...challenge,
        ...headers
      }
    })
  }
}
