/** The steps of a request: limit, verify, check, charge, forward. Outcomes are values; `respond.ts` makes the answer. */

import type { Admission } from '../admission/admission.ts'
import type { ChargeRefusal } from '../admission/charge-result.ts'
import type { Background } from '../admission/need.ts'
import { addressSubject, parseClientAddress } from '../contract/client-address.ts'
import { isPreflight, preflightHeaders } from '../contract/cors.ts'
import { MAX_TARGET_BYTES, parseBearer } from '../contract/http.ts'
import type { EdgePolicies } from '../contract/policies.ts'
import type { QuotaState } from '../contract/rate-limit-fields.ts'
import type { Charge } from '../limiter/charge.ts'
import type { SessionStatus } from '../revocation/revocation-view.ts'
import type { TokenVerifier, Verified, VerifyFailure } from '../verifier/verify-token.ts'
import type { Forward, Forwarded } from './forward.ts'
import { type Refusal, refusal, unavailable } from './refusal.ts'
import type { Outcome } from './respond.ts'
import { createRouteFinder, type FindRoute, type NamedQuota, type Route } from './route-finder.ts'

/** What the platform says about a request. */
export interface Arrival {
  /** The client's address, which the client cannot choose. Without an address the request is refused. */
  readonly clientAddress: string | undefined
  readonly waitUntil: Background
}

/** A request on its way. */
export interface Passage {
  readonly request: Request
  readonly requestId: string
  readonly arrival: Arrival
  /** The state of its quotas, for the answer: set when they are charged, or refuse. */
  quotas: readonly QuotaState[]
}

/** The settings and ports of the steps. */
export interface ServeOptions {
  readonly allowedOrigins: readonly string[]
  readonly policies: EdgePolicies
  readonly verifier: TokenVerifier
  readonly admission: Admission
  readonly forward: Forward
  readonly nowMs: () => number
}

/** Takes a request to its outcome. Rejects only where a port throws, which none should. */
export type Serve = (passage: Passage) => Promise<Outcome>

/** Creates the steps of one deployment. */
export function createServe(options: ServeOptions): Serve {
  const findRoute = createRouteFinder(options.policies)
  return async passage => {
    const entry = enter(findRoute, passage)
    if (!entry.ok) return entry
    const { request } = passage
    // A page sees a refused preflight only as a network error. So no quota refuses a preflight of a listed origin.
    const preflight = isPreflight(request) ? preflightHeaders(request.headers, options.allowedOrigins) : undefined
    return preflight === undefined ? pass(options, passage, entry) : { ok: true, preflight }
  }
}

/** Where a request goes, and its client. */
interface Entry {
  readonly ok: true
  readonly route: Route
  /** Canonical path, and the query as it came. */
  readonly target: string
  readonly clientAddress: string
}

/** Normalises the path once. Policy and forwarding both use that form and no other. */
function enter(findRoute: FindRoute, { request, arrival }: Passage): Entry | Refusal {
  // On a platform that builds the URL from the `Host` header, a client can make it unparsable.
  const url = URL.parse(request.url)
  if (url === null) return refusal('malformed-request', 'the URL of the request cannot be parsed')
  // Read once: Workers compute each of them anew.
  const { pathname, search } = url
  if (pathname.length + search.length > MAX_TARGET_BYTES) return refusal('uri-too-long', 'the target is too long')
  const route = findRoute(request.method, { pathname, search })
  if (route === undefined) return refusal('malformed-request', 'the path can be read in two ways')
  const clientAddress = parseClientAddress(arrival.clientAddress ?? '')
  if (clientAddress === undefined) return unavailable('the platform named no client address')
  return { ok: true, route, target: route.path + search, clientAddress }
}

/** Verifies the token before trusting a claim, with at most one Redis round trip. Refusals from memory cost none. */
async function pass(options: ServeOptions, passage: Passage, entry: Entry): Promise<Forwarded | Refusal> {
  const { request, requestId, arrival } = passage
  const { route, target, clientAddress } = entry
  const { token: tokenRule, onStoreFailure, maxBodyBytes } = route.policy
  const begunAtMs = options.nowMs()
  const charges = chargesOf(route.byAddress, addressSubject(clientAddress))
  const conversation = options.admission.begin({ charges, begunAtMs, background: arrival.waitUntil })
  const usedUp = conversation.refusal()
  if (usedUp !== undefined) return refusedBy(passage, usedUp)

  const isAnonymous = tokenRule === 'none' || isPreflight(request)
  const token = isAnonymous ? undefined : await verify(options.verifier, request, begunAtMs)
  if (token?.ok) {
    const { claims, kid } = token
    conversation.identify({ sid: claims.sid, kid }, chargesOf(route.byUser, claims.sub))
  }
  const waiting = conversation.ready()
  if (waiting !== undefined) await waiting

  const rejected = token?.ok ? refusalOfSession(conversation.sessionStatus()) : token && refusalOfToken(token)
  // A request with a rejected token or session is charged to its client address only. If its user's quota is used up,
  // that refuses it first: `Retry-After` is then the longest of all waits, and the next request finds room.
  const charged =
    rejected === undefined
      ? conversation.charge(onStoreFailure)
      : (conversation.refusal() ?? conversation.chargeAnonymous(onStoreFailure))
  if (!charged.ok) return refusedBy(passage, charged)
  passage.quotas = charged.quotas
  return rejected ?? options.forward({ request, requestId, target, clientAddress, maxBodyBytes })
}

/** A token that was not accepted. */
type RejectedToken =
  | VerifyFailure
  | { readonly ok: false; readonly code: 'token-missing' | 'token-invalid'; readonly reason: string }

function verify(
  verifier: TokenVerifier,
  { headers }: Request,
  nowMs: number
): Promise<Verified | VerifyFailure> | RejectedToken {
  const bearer = parseBearer(headers.get('authorization'))
  if (bearer.kind === 'token') return verifier.verify(bearer.token, nowMs)
  if (bearer.kind === 'missing') return { ok: false, code: 'token-missing', reason: 'no Authorization header' }
  return { ok: false, code: 'token-invalid', reason: 'the Authorization header has no bearer token' }
}

function refusalOfToken({ code, reason }: RejectedToken): Refusal {
  return code === 'keys-unavailable' ? unavailable(reason) : refusal(code, reason)
}

/** Undefined where the session is live. */
function refusalOfSession(status: SessionStatus): Refusal | undefined {
  if (status === 'live') return undefined
  if (status === 'ended') return refusal('session-ended', 'the session of the token has ended')
  if (status === 'key-removed') return refusal('token-invalid', 'the key of the token was removed')
  return unavailable('the revocation view is too old and could not be renewed')
}

function chargesOf(quotas: readonly NamedQuota[], subject: string): Charge[] {
  return quotas.map(({ name, policy }) => ({ name, policy, subject }))
}

/** Turns a refusal by quotas into that of the request, and notes their state for the answer. */
function refusedBy(passage: Passage, { problem, quotas, retryAfterMs }: ChargeRefusal): Refusal {
  passage.quotas = quotas
  const names = quotas.map(({ name }) => `"${name}"`).join(' and ')
  const reason = problem === 'rate-limited' ? `used up: ${names}` : 'the state of the quotas is unknown'
  return { ok: false, problem, reason, retryAfterMs }
}
