/**
 * Request → Response: limit, verify, check, strip, sign, forward.
 *
 * Knows no platform: clocks, randomness, stores and the origin are handed in. It is a filter and no authority,
 * the origin checks the signed hop, the token and the revocation again.
 */

import { canonicalTarget } from './canonical-target.ts'
import type { AccessClaims } from './contract/claims.ts'
import { addressSubject, parseClientAddress } from './contract/client-address.ts'
import { corsHeaders } from './contract/cors.ts'
import { MAX_TARGET_BYTES, parseBearer, REQUEST_ID_HEADER } from './contract/http.ts'
import { type EdgeQuotaName, type EdgeQuotas, type RoutePolicy, routePolicyFor } from './contract/policies.ts'
import type { ProblemCode } from './contract/problems.ts'
import { type QuotaStanding, rateLimitFields, retryAfterSeconds } from './contract/rate-limit-fields.ts'
import { forwardHeaders, hopHeaders } from './forward-headers.ts'
import type { Limiter } from './limiter/redis-limiter.ts'
import { createRefuse } from './respond.ts'
import type { RevocationView } from './revocation/revocation-view.ts'
import type { SignHop } from './sign-hop.ts'
import type { TokenVerifier } from './verifier/verify-token.ts'

export interface GatewayOptions {
  /** The origin under which people reach the service; no trailing slash. */
  readonly publicUrl: string
  /** Where requests are forwarded to; no trailing slash. */
  readonly originUrl: string
  /** How long the origin may take to begin its answer. */
  readonly originDeadlineMs: number
  readonly allowedOrigins: readonly string[]
  readonly routes: readonly RoutePolicy[]
  readonly quotas: EdgeQuotas
  readonly verifier: TokenVerifier
  readonly limiter: Limiter
  readonly revocation: RevocationView
  readonly signHop: SignHop
  readonly fetch: (request: Request) => Promise<Response>
  readonly nowMs: () => number
  readonly createRequestId: () => string
  readonly log: (event: GatewayEvent) => void
}

/** What an operator wants to read in a log; never a token or an address. */
export interface GatewayEvent {
  readonly requestId: string
  readonly code: ProblemCode
  readonly reason: string
}

export type Gateway = (request: Request, clientAddress: string | undefined) => Promise<Response>

/** A request that will not be forwarded, and why. */
class Refusal extends Error {
  readonly code: ProblemCode
  readonly retryAfterMs: number | undefined
  constructor(code: ProblemCode, reason: string, retryAfterMs?: number) {
    super(reason)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** Creates the gateway of one deployment. */
export function createGateway(options: GatewayOptions): Gateway {
  const refuse = createRefuse(options.publicUrl)

  return async (request, unverifiedClientAddress) => {
    const requestId = options.createRequestId()
    const standings: QuotaStanding[] = []
    try {
      const response = await pass(options, request, unverifiedClientAddress, requestId, standings)
      return withFields(response, requestId, rateLimitFields(standings))
    } catch (error) {
      const { code, message, retryAfterMs } =
        error instanceof Refusal ? error : new Refusal('internal', `unforeseen: ${error}`)
      options.log({ requestId, code, reason: message })
      return refuse(code, requestId, undefined, {
        ...rateLimitFields(standings),
        ...corsHeaders(request.headers.get('origin'), options.allowedOrigins),
        ...(retryAfterMs === undefined ? {} : { 'retry-after': String(retryAfterSeconds(retryAfterMs)) })
      })
    }
  }
}

async function pass(
  options: GatewayOptions,
  request: Request,
  unverifiedClientAddress: string | undefined,
  requestId: string,
  standings: QuotaStanding[]
): Promise<Response> {
  const url = new URL(request.url)
  if (url.pathname.length + url.search.length > MAX_TARGET_BYTES)
    throw new Refusal('uri-too-long', 'the target is too long')
  const target = canonicalTarget(url)
  if (target === undefined) throw new Refusal('malformed-request', 'the path can be read in two ways')
  const clientAddress = parseClientAddress(unverifiedClientAddress ?? '')
  if (clientAddress === undefined) throw new Refusal('unavailable', 'the platform named no client address', 1000)

  const policy = routePolicyFor(options.routes, target.path)
  const take = (name: EdgeQuotaName, subject: string) => debit(options, standings, name, subject)
  await take('address', addressSubject(clientAddress))
  for (const name of policy.quotas) await take(name, addressSubject(clientAddress))

  if (policy.token === 'required' && !isPreflight(request)) {
    const claims = await authenticate(options, request)
    await take('user', claims.sub)
  }

  const hop = {
    method: request.method,
    target: target.path + target.search,
    clientAddress,
    timeMs: options.nowMs(),
    requestId
  }
  const headers = forwardHeaders(request.headers, hopHeaders(hop, await options.signHop(hop)))
  return forward(options, new Request(options.originUrl + hop.target, new Request(request, { headers })))
}

/** Verify, then read: the signature before the claims, the claims before the revocation view. */
async function authenticate(options: GatewayOptions, request: Request): Promise<AccessClaims> {
  const bearer = parseBearer(request.headers.get('authorization'))
  if (bearer.kind === 'missing') throw new Refusal('token-missing', 'no Authorization header')
  if (bearer.kind === 'invalid') throw new Refusal('token-invalid', 'the Authorization header holds no bearer token')
  const verified = await options.verifier.verify(bearer.token, options.nowMs())
  if (!verified.ok) {
    if (verified.code === 'keys-unavailable') throw new Refusal('unavailable', verified.reason, 1000)
    throw new Refusal(verified.code, verified.reason)
  }
  const standing = await options.revocation.standing(verified.claims.sid, options.nowMs())
  if (standing === 'ended') throw new Refusal('session-ended', 'the session of the token has ended')
  if (standing === 'unknown')
    throw new Refusal('unavailable', 'the revocation view is too old and could not be renewed', 1000)
  return verified.claims
}

async function debit(
  options: GatewayOptions,
  standings: QuotaStanding[],
  name: EdgeQuotaName,
  subject: string
): Promise<void> {
  const policy = options.quotas[name]
  const { allowed, remaining, retryAfterMs } = await options.limiter.take(name, policy, subject, options.nowMs())
  standings.push({ name, policy, remaining, retryAfterMs })
  if (!allowed) throw new Refusal('rate-limited', `the quota "${name}" is used up`, retryAfterMs)
}

/** Sends the request on; the deadline covers the head of the answer, a body may stream for as long as it likes. */
async function forward(options: GatewayOptions, request: Request): Promise<Response> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), options.originDeadlineMs)
  try {
    return await options.fetch(new Request(request, { redirect: 'manual', signal: deadline.signal }))
  } catch {
    const reason = deadline.signal.aborted ? 'the origin did not answer in time' : 'the origin could not be reached'
    throw new Refusal('unavailable', reason, 1000)
  } finally {
    clearTimeout(timer)
  }
}

/** A preflight carries no token by design (Fetch Standard §3.2.2); the origin answers it without one. */
function isPreflight(request: Request): boolean {
  return request.method === 'OPTIONS' && request.headers.has('access-control-request-method')
}

/** The origin may have quotas of its own; ours join them in the same fields. */
function withFields(response: Response, requestId: string, fields: Readonly<Record<string, string>>): Response {
  // A WebSocket upgrade (101) must be handed through as it is.
  if (response.status === 101) return response
  const copy = new Response(response.body, response)
  copy.headers.set(REQUEST_ID_HEADER, requestId)
  for (const [name, value] of Object.entries(fields)) copy.headers.append(name, value)
  return copy
}
