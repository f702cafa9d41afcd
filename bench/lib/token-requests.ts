/** Requests that carry a token, each made once, before the clock runs. */

import { rawRequest } from './raw-request.ts'

/** The bytes of `GET path` with each of `tokens`. */
export function requestsWith(tokens: readonly string[], path: string): Buffer[] {
  return tokens.map(token => rawRequest({ path, headers: { authorization: `Bearer ${token}` } }))
}

/**
 * Hands each request out once.
 *
 * @throws when there are no more, because a second time would measure something else
 */
export function each(requests: readonly Buffer[]): () => Buffer {
  let turn = 0
  return () => {
    const request = requests[turn++]
    if (request === undefined) throw new Error(`all ${requests.length} requests were sent: prepare more of them`)
    return request
  }
}

/** Hands the requests out in turn, again and again. */
export function inTurn(requests: readonly Buffer[]): () => Buffer {
  let turn = 0
  return () => {
    const request = requests[turn++ % requests.length]
    if (request === undefined) throw new RangeError('there is no request to send')
    return request
  }
}
