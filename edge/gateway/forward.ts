/** Sends a request on to the origin under a signed hop, and hands its answer back untouched. */

import { REQUEST_ID_HEADER } from '../contract/http.ts'
import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import { forwardHeaders, hopHeaders } from './forward-headers.ts'
import { Refusal } from './refusal.ts'
import type { SignHop } from './sign-hop.ts'
import { beginUpload, discard, refusalUnread, type Upload } from './upload.ts'

export interface ForwardOptions {
  /** Where requests are forwarded to; no trailing slash. */
  readonly originUrl: string
  /** How long the origin may take to begin its answer. */
  readonly deadlineMs: number
  readonly signHop: SignHop
  readonly fetch: (input: string | Request, init: RequestInit) => Promise<Response>
  readonly nowMs: () => number
}

const NAMES: OptionNames<ForwardOptions> = {
  originUrl: 'required',
  deadlineMs: 'required',
  signHop: 'required',
  fetch: 'required',
  nowMs: 'required'
}

/** A request that may pass. */
export interface Passed {
  readonly request: Request
  readonly requestId: string
  /** Canonical path, and the query as it came. */
  readonly target: string
  readonly clientAddress: string
  /** The largest body that is handed on; any unless set. */
  readonly maxBodyBytes?: number | undefined
}

/** Rejects with a `Refusal` where the origin does not begin to answer in time, and where the client is at fault. */
export type Forward = (passed: Passed) => Promise<Response>

/**
 * Creates the way to one origin. Throws a TypeError on an option that is missing or unknown.
 *
 * @example
 * const forward = createForward({
 *   originUrl: 'https://origin.example.com',
 *   deadlineMs: 15_000,
 *   signHop: createHopSigner(env.EDGE_SECRET),
 *   fetch: (input, init) => fetch(input, init),
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
  requireOptions('create a forward', options, NAMES)
  return async ({ request, requestId, target, clientAddress, maxBodyBytes }) => {
    const { method, body } = request
    const hop = { method, target, clientAddress, timeMs: options.nowMs(), requestId }
    const signature = await options.signHop(hop)
    const headers = forwardHeaders(new Headers(request.headers), hopHeaders(hop, signature))
    const url = options.originUrl + target
    // A redirect is the client's to follow.
    const init: RequestInit = { method, headers, redirect: 'manual' }
    // To Workers an empty body is one, too.
    if (body === null || request.headers.get('content-length') === '0') return send(options, url, init)
    const refusal = refusalUnread(request, maxBodyBytes)
    if (refusal === undefined) return sendBody(options, url, init, beginUpload(request, body, maxBodyBytes))
    await discard(body.getReader())
    throw refusal
  }
}

/** An answer that comes before all of the body was sent is the answer; a fault of the client is a refusal. */
function sendBody(options: ForwardOptions, url: string, init: RequestInit, upload: Upload): Promise<Response> {
  const { body, signal, fault } = upload
  // The Fetch Standard demands `duplex` for a body that is a stream.
  const withBody = { ...init, body, signal, duplex: 'half' } as RequestInit
  return Promise.race([send(options, url, withBody, upload), fault])
}

/**
 * The deadline covers the head of the answer; a body may stream for as long as it likes.
 *
 * Raced and not signalled: a signal costs a tenth of a whole passage on Workers, which drop what is under way once the
 * request is answered. Only a body has one, because half a body must not arrive as a whole one.
 */
function send(
  { fetch, deadlineMs }: ForwardOptions,
  url: string,
  init: RequestInit,
  upload?: Upload
): Promise<Response> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      reject(upload?.giveUp() ?? unavailable('the origin did not answer in time'))
    }, deadlineMs)
    fetch(url, init).then(
      answer => {
        clearTimeout(timer)
        // Nobody waits for it any more: its connection is free for others as soon as it is there.
        if (isLate) answer.body?.cancel().catch(() => {})
        else resolve(answer)
      },
      () => {
        clearTimeout(timer)
        // Aborted by us, and no sign of the origin.
        if (!upload?.signal.aborted) reject(unavailable('the origin could not be reached'))
      }
    )
  })
}

function unavailable(reason: string): Refusal {
  return new Refusal('unavailable', reason, { retryAfterMs: 1000 })
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
  const { headers } = copy
  if (headers.get(REQUEST_ID_HEADER) !== requestId) headers.set(REQUEST_ID_HEADER, requestId)
  for (const [name, value] of Object.entries(appended)) headers.append(name, value)
  for (const [name, value] of Object.entries(replaced)) headers.set(name, value)
  return copy
}
