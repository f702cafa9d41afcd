/** Sends a request on to the origin under a signed hop, and hands its answer back untouched. */

import { REQUEST_ID_HEADER } from './contract/http.ts'
import { forwardHeaders, hopHeaders } from './forward-headers.ts'
import { Refusal } from './refusal.ts'
import type { SignHop } from './sign-hop.ts'

export interface ForwardOptions {
  /** Where requests are forwarded to; no trailing slash. */
  readonly originUrl: string
  /** How long the origin may take to begin its answer. */
  readonly deadlineMs: number
  readonly signHop: SignHop
  readonly fetch: (request: Request) => Promise<Response>
  readonly nowMs: () => number
}

/** A request that may pass. */
export interface Passed {
  readonly request: Request
  readonly requestId: string
  /** Canonical path, and the query as it came. */
  readonly target: string
  readonly clientAddress: string
}

/** @throws {Refusal} where the origin does not begin to answer in time */
export type Forward = (passed: Passed) => Promise<Response>

/**
 * Creates the way to one origin.
 *
 * @example
 * const forward = createForward({
 *   originUrl: 'https://origin.example.com',
 *   deadlineMs: 15_000,
 *   signHop: createHopSigner(env.EDGE_SECRET),
 *   fetch: request => fetch(request),
 *   nowMs: Date.now
 * })
 * const response = await forward({
 *   request: new Request('https://api.example.com/orders?page=2'),
 *   requestId: crypto.randomUUID(),
 *   target: '/orders?page=2',
 *   clientAddress: '192.0.2.1'
 * })
 * response.status // → 200
 */
export function createForward(options: ForwardOptions): Forward {
  return async ({ request, requestId, target, clientAddress }) => {
    const hop = { method: request.method, target, clientAddress, timeMs: options.nowMs(), requestId }
    const signature = await options.signHop(hop)
    const outbound = new Request(options.originUrl + hop.target, request)
    forwardHeaders(outbound.headers, hopHeaders(hop, signature))
    // A redirect is the client's to follow. Workers say so of every request that came in; a copy costs time.
    return send(options, outbound.redirect === 'manual' ? outbound : new Request(outbound, { redirect: 'manual' }))
  }
}

/**
 * The deadline covers the head of the answer; a body may stream for as long as it likes.
 *
 * Raced and not signalled: a signal costs a tenth of a whole passage on Workers, which drop what is under way once the
 * request is answered.
 */
async function send({ fetch, deadlineMs }: ForwardOptions, request: Request): Promise<Response> {
  let stopClock = () => {}
  const expired = new Promise<undefined>(resolve => {
    const timer = setTimeout(resolve, deadlineMs)
    stopClock = () => clearTimeout(timer)
  })
  const answer = fetch(request)
  const first = await Promise.race([answer, expired])
    .catch(() => {
      throw new Refusal('unavailable', 'the origin could not be reached', 1000)
    })
    .finally(stopClock)
  if (first !== undefined) return first
  // Nobody waits for it any more: its connection is free for others as soon as it is there.
  answer.then(late => late.body?.cancel()).catch(() => {})
  throw new Refusal('unavailable', 'the origin did not answer in time', 1000)
}

/** The origin may have quotas of its own; ours join them in the same fields. */
export function withFields(
  response: Response,
  requestId: string,
  appended: Readonly<Record<string, string>>,
  replaced: Readonly<Record<string, string>>
): Response {
  // A WebSocket upgrade (101) must be handed through as it is.
  if (response.status === 101) return response
  const copy = new Response(response.body, response)
  if (copy.headers.get(REQUEST_ID_HEADER) !== requestId) copy.headers.set(REQUEST_ID_HEADER, requestId)
  for (const [name, value] of Object.entries(appended)) copy.headers.append(name, value)
  for (const [name, value] of Object.entries(replaced)) copy.headers.set(name, value)
  return copy
}
