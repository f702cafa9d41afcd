/**
 * One request id per answer. An origin that cannot read a request, because its headers are too large, never sees the
 * signed id and makes its own.
 */

import { PROBLEM_MEDIA_TYPE, REQUEST_ID_HEADER } from '../contract/http.ts'

/** The problems of Gatehouse's origin are smaller. */
const MAX_PROBLEM_BYTES = 4_096

/** Whether the origin answered an error under its own id. */
export function hasForeignId({ status, headers }: Response, requestId: string): boolean {
  if (status < 400) return false
  const id = headers.get(REQUEST_ID_HEADER)
  return id !== null && id !== requestId
}

/** Replaces the origin's id in a problem with ours. Any other answer, and any other body, stays as it is. */
export async function withOurId(answer: Response, requestId: string): Promise<Response> {
  const { headers } = answer
  const length = Number(headers.get('content-length') ?? Number.NaN)
  if (headers.get('content-type') !== PROBLEM_MEDIA_TYPE || !(length <= MAX_PROBLEM_BYTES)) return answer
  const text = await answer.text()
  const theirs = JSON.stringify(headers.get(REQUEST_ID_HEADER))
  const body = text.replace(`"requestId":${theirs}`, `"requestId":${JSON.stringify(requestId)}`)
  const renewed = new Response(body, answer)
  renewed.headers.delete('content-length')
  return renewed
}
