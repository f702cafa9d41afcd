/** Forwards a request to the origin under a signed hop, and returns its answer untouched. */

import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import { forwardHeaders, hopHeaders } from './forward-headers.ts'
import { type Refusal, unavailable } from './refusal.ts'
import type { SignHop } from './sign-hop.ts'
import { beginUpload, discard, refusalUnread, type Upload } from './upload.ts'

export interface ForwardOptions {
  /** The base URL of the origin; no trailing slash. */
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
  /** The largest body that is forwarded; any size unless set. */
  readonly maxBodyBytes?: number | undefined
}

/** The answer of the origin, untouched. */
export interface Forwarded {
  readonly ok: true
  readonly response: Response
}

/** Resolves to a refusal where the origin does not begin to answer in time, and where the client is at fault. */
export type Forward = (passed: Passed) => Promise<Forwarded | Refusal>

/**
 * Creates the forwarding to one origin. Throws a TypeError on an option that is missing or unknown.
 *
 * @example
 * const forward = createForward({
 *   originUrl: 'https://origin.example.com',
 *   deadlineMs: 15_000,
 *   signHop: createHopSigner(env.EDGE_SECRET),
 *   fetch: (input, init) => fetch(input, init),
 *   nowMs: Date.now
 * })
 * const forwarded = await forward({
 *   request: new Request('https://api.example.com/orders?page=2'),
 *   requestId: crypto.randomUUID(),
 *   target: '/orders?page=2',
 *   clientAddress: '192.0.2.1'
 * })
 * forwarded.ok && forwarded.response.status // → 200
 */
export function createForward(options: ForwardOptions): Forward {
  requireOptions('create a forward', options, NAMES)
  return async ({ request, requestId, target, clientAddress, maxBodyBytes }) => {
    const { method, body } = request
    const hop = { method, target, clientAddress, timeMs: options.nowMs(), requestId }
    const signature = await options.signHop(hop)
    const headers = forwardHeaders(new Headers(request.headers), hopHeaders(hop, signature))
    const url = options.originUrl + target
    // The client follows redirects, not the edge.
    const init: RequestInit = { method, headers, redirect: 'manual' }
    // On Workers an empty body is a stream, too.
    if (body === null || request.headers.get('content-length') === '0') return send(options, url, init)
    const refused = refusalUnread(request, maxBodyBytes)
    if (refused === undefined) return sendBody(options, url, init, beginUpload(request, body, maxBodyBytes))
    await discard(body.getReader())
    return refused
  }
}

/** The first of two ends: the answer, even where the body is not sent yet, or a fault of the client. */
function sendBody(
  options: ForwardOptions,
  url: string,
  init: RequestInit,
  upload: Upload
): Promise<Forwarded | Refusal> {
  const { body, signal, fault } = upload
  // The Fetch Standard demands `duplex` for a body that is a stream.
  const withBody = { ...init, body, signal, duplex: 'half' } as RequestInit
  return Promise.race([send(options, url, withBody, upload), fault])
}

/**
 * The deadline covers the head of the answer; its body may stream without a limit.
 *
 * A timer instead of a signal: a signal costs a tenth of a whole request on Workers, which drop a pending fetch once
 * the request is answered. Only a request with a body has a signal, because half a body must not arrive as a whole one.
 */
function send(
  { fetch, deadlineMs }: ForwardOptions,
  url: string,
  init: RequestInit,
  upload?: Upload
): Promise<Forwarded | Refusal> {
  return new Promise(resolve => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      resolve(upload?.giveUp() ?? unavailable('the origin did not answer in time'))
    }, deadlineMs)
    fetch(url, init).then(
      response => {
        clearTimeout(timer)
        // The client has its refusal by now. This frees the connection for other requests.
        if (isLate) response.body?.cancel().catch(() => {})
        else resolve({ ok: true, response })
      },
      () => {
        clearTimeout(timer)
        // An abort is ours, and says nothing about the origin.
        if (!upload?.signal.aborted) resolve(unavailable('the origin could not be reached'))
      }
    )
  })
}
