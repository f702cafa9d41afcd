/**
 * One id an answer. An origin that could not read a request, its headers were too large, never saw the id that was signed
 * for it and made one of its own.
 */

import { PROBLEM_MEDIA_TYPE, REQUEST_ID_HEADER } from '../contract/http.ts'

/** Larger ones are no problem of Gatehouse's origin. */
const MAX_PROBLEM_BYTES = 4_096

/** Whether the origin answered with an error under an id of its own. */
export function hasForeignId({ status, headers }: Response, requestId: string): boolean {
  if (status < 400) return false
  const id = headers.get(REQUEST_ID_HEADER)
  return id !== null && id !== requestId
}

/** Puts our id into a problem in the place of the origin's; any other answer, and any other body, stays as it is. */
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
