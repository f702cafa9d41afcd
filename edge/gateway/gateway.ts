/**
 * Request → Response: limit, verify, check, strip, sign, forward.
 *
 * Knows no platform: clocks, randomness, stores and the origin are handed in. It is a filter and no authority,
 * the origin checks the signed hop, the token and the revocation again.
 *
 * Over 200 lines: the steps of a request are read in one piece, and the options are named a second time for their check.
 */

import type { Admission } from '../admission/admission.ts'
import type { Charge, ChargeResult } from '../admission/charge.ts'
import type { Background } from '../admission/refill.ts'
import { addressSubject, parseClientAddress } from '../contract/client-address.ts'
import { corsHeaders, isPreflight, preflightHeaders } from '../contract/cors.ts'
import { MAX_TARGET_BYTES, parseBearer } from '../contract/http.ts'
import type { EdgePolicies } from '../contract/policies.ts'
import type { ProblemCode } from '../contract/problems.ts'
import { type QuotaState, rateLimitFields, retryAfterSeconds } from '../contract/rate-limit-fields.ts'
import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import type { TokenVerifier, Verified, VerifyFailure } from '../verifier/verify-token.ts'
import { type Forward, withFields } from './forward.ts'
import { hasForeignId, withOurId } from './one-request-id.ts'
import { Refusal } from './refusal.ts'
import { answerPreflight, createRefuse } from './respond.ts'
import { createRouteFinder, type FindRoute, type NamedQuota, type Route } from './route-finder.ts'

export interface GatewayOptions {
  /** The origin under which people reach the service; no trailing slash. */
  readonly publicUrl: string
  readonly allowedOrigins: readonly string[]
  readonly policies: EdgePolicies
  readonly verifier: TokenVerifier
  readonly admission: Admission
  readonly forward: Forward
  readonly nowMs: () => number
  readonly createRequestId: () => string
  readonly log: (event: GatewayEvent) => void
  /** More headers for every answer, to look behind the scenes with. */
  readonly debugHeaders?: (nowMs: number) => Readonly<Record<string, string>>
}

/** What an operator wants to read in a log; never a token or an address. */
export interface GatewayEvent {
  readonly requestId: string
  readonly code: ProblemCode
  readonly reason: string
}

/** What the platform says of a request. */
export interface Arrival {
  /** The client's address, of which the client has no say; without one nothing passes. */
  readonly clientAddress: string | undefined
  readonly waitUntil: Background
}

const NAMES: OptionNames<GatewayOptions> = {
  publicUrl: 'required',
  allowedOrigins: 'required',
  policies: 'required',
  verifier: 'required',
  admission: 'required',
  forward: 'required',
  nowMs: 'required',
  createRequestId: 'required',
  log: 'required',
  debugHeaders: 'optional'
}

export type Gateway = (request: Request, arrival: Arrival) => Promise<Response>

/** A request on its way. */
interface Passage {
  readonly request: Request
  readonly requestId: string
  readonly target: string
  readonly clientAddress: string
  readonly route: Route
  readonly waitUntil: Background
  /** Grows as quotas are taken. */
  readonly standings: QuotaState[]
}

/**
 * Creates the gateway of one deployment, for a platform other than Workers: `createEdgeWorker` does this there.
 * Throws a TypeError on an option that is missing or unknown.
 *
 * @example
 * const gateway = createGateway({
 *   publicUrl: 'https://api.example.com',
 *   allowedOrigins: ['https://app.example.com'],
 *   policies,
 *   verifier,
 *   admission,
 *   forward,
 *   nowMs: Date.now,
 *   createRequestId: () => crypto.randomUUID(),
 *   log: event => console.warn(JSON.stringify(event))
 * })
 * const arrival = { clientAddress: '192.0.2.1', waitUntil: context.waitUntil }
 * const headers = { authorization: `Bearer ${token}` }
 * const refused = await gateway(new Request('https://api.example.com/orders'), arrival)
 * refused.status // → 401
 * const passed = await gateway(new Request('https://api.example.com/orders', { headers }), arrival)
 * passed.status // → 200
 */
export function createGateway(options: GatewayOptions): Gateway {
  requireOptions('create a gateway', options, NAMES)
  const refuse = createRefuse(options.publicUrl)
  const debugHeaders = options.debugHeaders ?? (() => ({}))
  const findRoute = createRouteFinder(options.policies)

  return async (request, arrival) => {
    const requestId = options.createRequestId()
    const standings: QuotaState[] = []
    try {
      const passage = enter(findRoute, request, arrival, requestId, standings)
      // A refused preflight reaches the page as a network error and no more. So it costs no quota, and the origin nothing.
      const preflight = isPreflight(request) ? preflightHeaders(request.headers, options.allowedOrigins) : undefined
      if (preflight) return answerPreflight(requestId, { ...preflight, ...debugHeaders(options.nowMs()) })
      const answer = await pass(options, passage)
      const response = hasForeignId(answer, requestId) ? await withOurId(answer, requestId) : answer
      return withFields(response, requestId, rateLimitFields(standings), debugHeaders(options.nowMs()))
    } catch (error) {
      const { code, message, retryAfterMs, detail } =
        error instanceof Refusal ? error : new Refusal('internal', `unforeseen: ${error}`)
      options.log({ requestId, code, reason: message })
      return refuse(code, requestId, detail === undefined ? undefined : { detail }, {
        ...rateLimitFields(standings),
        ...corsHeaders(request.headers.get('origin'), options.allowedOrigins),
        ...debugHeaders(options.nowMs()),
        ...(retryAfterMs === undefined ? {} : { 'retry-after': String(retryAfterSeconds(retryAfterMs)) })
      })
    }
  }
}

/** Normalises the path once; policy and forwarding both use that form and no other. */
function enter(
  findRoute: FindRoute,
  request: Request,
  arrival: Arrival,
  requestId: string,
  standings: QuotaState[]
): Passage {
  // Where a platform makes the URL of the `Host` header, a client can make it none.
  const url = URL.parse(request.url)
  if (url === null) throw new Refusal('malformed-request', 'the URL of the request is none')
  // Read once: on Workers each of them is worked out anew.
  const { pathname, search } = url
  if (pathname.length + search.length > MAX_TARGET_BYTES) throw new Refusal('uri-too-long', 'the target is too long')
  const route = findRoute(request.method, { pathname, search })
  if (route === undefined) throw new Refusal('malformed-request', 'the path can be read in two ways')
  const clientAddress = parseClientAddress(arrival.clientAddress ?? '')
  if (clientAddress === undefined)
    throw new Refusal('unavailable', 'the platform named no client address', { retryAfterMs: 1000 })
  const target = route.path + search
  return { request, requestId, target, clientAddress, route, waitUntil: arrival.waitUntil, standings }
}

/** Verify, then read; and one round trip at most: who is refused from memory costs nothing, who is verified is asked for. */
async function pass(options: GatewayOptions, passage: Passage): Promise<Response> {
  const { admission, nowMs } = options
  const { route, clientAddress, waitUntil } = passage
  const { policy } = route
  const begunAtMs = nowMs()
  const byAddress = takes(route.byAddress, addressSubject(clientAddress))
  settle(passage, admission.refusalOf(byAddress))

  if (policy.token === 'none' || isPreflight(passage.request)) {
    await admission.prepare(byAddress, false, waitUntil)
    settle(passage, admission.take(byAddress, policy.onStoreFailure))
    return forward(options, passage)
  }

  const verified = await verify(options, passage.request, begunAtMs)
  const byUser = verified.ok ? takes(route.byUser, verified.claims.sub) : []
  const all = [...byAddress, ...byUser]
  const preparing = admission.prepare(all, verified.ok, waitUntil)
  if (preparing !== undefined) await preparing

  const refusal = verified.ok ? refusalOfSession(admission, verified, begunAtMs) : refusalOf(verified)
  // All of them are asked before any is debited: whoever is refused is told the longest wait, and comes back to room.
  if (verified.ok && refusal !== undefined) settle(passage, admission.refusalOf(all))
  settle(passage, admission.take(refusal === undefined ? all : byAddress, policy.onStoreFailure))
  if (refusal !== undefined) throw refusal
  return forward(options, passage)
}

function forward(
  options: GatewayOptions,
  { request, requestId, target, clientAddress, route }: Passage
): Promise<Response> {
  return options.forward({ request, requestId, target, clientAddress, maxBodyBytes: route.policy.maxBodyBytes })
}

function verify(
  { verifier }: GatewayOptions,
  { headers }: Request,
  nowMs: number
): Promise<Verified | VerifyFailure> | { ok: false; code: 'token-missing' | 'token-invalid'; reason: string } {
  const bearer = parseBearer(headers.get('authorization'))
  if (bearer.kind === 'token') return verifier.verify(bearer.token, nowMs)
  if (bearer.kind === 'missing') return { ok: false, code: 'token-missing', reason: 'no Authorization header' }
  return { ok: false, code: 'token-invalid', reason: 'the Authorization header holds no bearer token' }
}

function refusalOf({ code, reason }: { readonly code: VerifyFailure['code'] | 'token-missing'; reason: string }) {
  return code === 'keys-unavailable'
    ? new Refusal('unavailable', reason, { retryAfterMs: 1000 })
    : new Refusal(code, reason)
}

/** Undefined where the session is live: its user's quotas are counted, too. */
function refusalOfSession(admission: Admission, { claims, kid }: Verified, begunAtMs: number): Refusal | undefined {
  const standing = admission.standing({ sid: claims.sid, kid }, begunAtMs)
  if (standing === 'live') return undefined
  if (standing === 'ended') return new Refusal('session-ended', 'the session of the token has ended')
  if (standing === 'key-removed') return new Refusal('token-invalid', 'the key of the token was removed')
  return new Refusal('unavailable', 'the revocation view is too old and could not be renewed', { retryAfterMs: 1000 })
}

function takes(quotas: readonly NamedQuota[], subject: string): Charge[] {
  return quotas.map(({ name, policy }) => ({ name, policy, subject }))
}

/** Notes how the quotas stand, and refuses where they do. */
function settle(passage: Passage, taken: ChargeResult | undefined): void {
  if (taken === undefined) return
  passage.standings.push(...taken.standings)
  if (taken.refusal === undefined) return
  const refusing = taken.standings.map(({ name }) => `"${name}"`).join(' and ')
  const reason = taken.refusal === 'rate-limited' ? `used up: ${refusing}` : 'Redis cannot say how the quotas stand'
  throw new Refusal(taken.refusal, reason, { retryAfterMs: taken.retryAfterMs })
}
