/** Requests with a token, built before the measurement begins. */

import { rawRequest } from './raw-request.ts'

/** The bytes of `GET path` with each of `tokens`. */
export function requestsWith(tokens: readonly string[], path: string): Buffer[] {
  return tokens.map(token => rawRequest({ path, headers: { authorization: `Bearer ${token}` } }))
}

/**
 * Returns each request once.
 *
 * @throws after the last one, because a repeated token would measure the memory of the verifier
 */
export function each(requests: readonly Buffer[]): () => Buffer {
  let turn = 0
  return () => {
    const request = requests[turn++]
    if (request === undefined) throw new Error(`all ${requests.length} requests were sent: prepare more of them`)
    return request
  }
}

/** Returns the requests in turn, without end. */
export function inTurn(requests: readonly Buffer[]): () => Buffer {
  let turn = 0
  return () => {
    const request = requests[turn++ % requests.length]
    if (request === undefined) throw new RangeError('there is no request to send')
    return request
  }
}
