/** The edge's policies as data: quotas by name, and the route table that says who needs a token and which quotas apply. */

import { MAX_BODY_BYTES } from './http.ts'
import type { QuotaPolicy } from './quota-policy.ts'

/** Whose requests a quota counts together: those of a client address (IPv6: of a /64), or those of a user. */
export type QuotaSubject = 'address' | 'user'

/**
 * What happens to a request while Redis cannot say how its quotas stand: a stricter quota in the memory of each instance,
 * or 503. Whether a session has ended is no matter of choice: where nobody can say, the request is refused.
 */
export type StoreFailurePolicy = 'fallback' | 'refuse'

/** One quota. */
export interface EdgeQuota {
  readonly by: QuotaSubject
  readonly policy: QuotaPolicy
}

/** What holds for requests. */
export interface RoutePolicy {
  /** A path, or a prefix that ends in `/*` and then also matches without its last slash; see `routePolicyFor()`. */
  readonly path: string
  /** Methods in capitals, of which GET covers HEAD; or all of them. */
  readonly methods: 'any' | readonly string[]
  /** `required`: without a good token the edge answers 401. `none`: a token is not even looked at. */
  readonly token: 'required' | 'none'
  /** Names of quotas; those by user need a token. */
  readonly quotas: readonly string[]
  readonly onStoreFailure: StoreFailurePolicy
  /**
   * The largest request body; beyond it the edge answers 413, and 415 to a body with a `Content-Encoding`, whose real size
   * it cannot see. Unless set, bodies are handed on as they come, and their size is the backend's to limit.
   */
  readonly maxBodyBytes?: number
}

/** Everything that a deployment decides about its requests. */
export interface EdgePolicies {
  readonly quotas: Readonly<Record<string, EdgeQuota>>
  /** The first that matches holds; where none does, a token is required. */
  readonly routes: readonly RoutePolicy[]
}

/** Policies as a deployment writes them: like `EdgePolicies`, but a quota is `{ by: 'address', limit: '300/60' }`. */
export interface WrittenPolicies {
  readonly quotas: Readonly<Record<string, { readonly by: QuotaSubject; readonly limit: string }>>
  readonly routes: readonly RoutePolicy[]
}

/** The quotas of Gatehouse's own API. */
export type GatehouseQuotaName = 'address' | 'auth' | 'user'

/** Their limits, where nothing else is configured. */
export const DEFAULT_EDGE_QUOTAS: Readonly<Record<GatehouseQuotaName, string>> = {
  /** Any request, per client address. */
  address: '300/60',
  /** `/auth/*`, per client address. */
  auth: '60/60',
  /** Any request with a token, per user. */
  user: '600/60'
}

/**
 * The policies of Gatehouse's own API.
 *
 * The table ends in "no token": the edge is a filter, the origin checks each protected route itself, and an unknown path
 * deserves its 404.
 */
export function gatehousePolicies(
  prefix: string,
  limits: Readonly<Record<GatehouseQuotaName, string>> = DEFAULT_EDGE_QUOTAS
): WrittenPolicies {
  const route = (path: string, token: 'required' | 'none', ...quotas: GatehouseQuotaName[]): RoutePolicy => {
    return { path, methods: 'any', token, quotas, onStoreFailure: 'fallback', maxBodyBytes: MAX_BODY_BYTES }
  }
  return {
    quotas: {
      address: { by: 'address', limit: limits.address },
      auth: { by: 'address', limit: limits.auth },
      user: { by: 'user', limit: limits.user }
    },
    routes: [
      route(`${prefix}/auth/sessions/*`, 'required', 'address', 'auth', 'user'),
      route(`${prefix}/auth/verify-token`, 'required', 'address', 'auth', 'user'),
      route(`${prefix}/auth/*`, 'none', 'address', 'auth'),
      route(`${prefix}/users/*`, 'required', 'address', 'user'),
      route(`${prefix}/admin/*`, 'required', 'address', 'user'),
      route('/*', 'none', 'address')
    ]
  }
}

/**
 * The policy for a request with a canonical path. Where nothing matches, a token is required: a forgotten route is closed.
 *
 * Security: nobody knows here how forgiving the origin is. To one `/Health` is `/health`, to the next it is what `/*` serves.
 * So a path is looked up as the most forgiving origin reads it and as the strictest one does; it is public where it is to both.
 */
export function routePolicyFor(routes: readonly RoutePolicy[], method: string, path: string): RoutePolicy {
  const plain = plainPath(path)
  const possible = routes.filter(route => matchesMethod(route, method))
  const forgiven = possible.find(route => matchesPath(route.path.toLowerCase(), plain)) ?? UNKNOWN_ROUTE
  if (forgiven.token === 'required') return forgiven
  const literal = possible.find(route => matchesPath(route.path, path)) ?? UNKNOWN_ROUTE
  return literal.token === 'required' ? literal : forgiven
}

/** What holds where nothing was written: a token, and every quota. */
export const UNKNOWN_ROUTE: RoutePolicy = {
  path: '/*',
  methods: 'any',
  token: 'required',
  quotas: [],
  onStoreFailure: 'refuse'
}

function matchesMethod({ methods }: RoutePolicy, method: string): boolean {
  if (methods === 'any') return true
  const known = method.toUpperCase()
  return methods.includes(known === 'HEAD' ? 'GET' : known) || methods.includes(known)
}

function matchesPath(pattern: string, path: string): boolean {
  if (!pattern.endsWith('/*')) return pattern === path
  const base = pattern.slice(0, -2)
  return path === base || path.startsWith(`${base}/`)
}

/**
 * A path as the most forgiving of origins reads it: without regard to case, of any alphabet (`ſ` is an `s`, and the sign of
 * Kelvin a `k`), to what follows a semicolon in a segment (RFC 3986 §3.3), to escapes, to a slash at its end.
 */
function plainPath(path: string): string {
  const plain = unescapePath(path)
    .normalize('NFKC')
    .replaceAll(/;[^/]*/g, '')
    .replaceAll(/\/{2,}/g, '/')
    .toLowerCase()
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain
}

// Lenient: bytes that are no UTF-8 must not keep the others from being read.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

function unescapePath(path: string): string {
  return path.replaceAll(/(?:%[0-9a-f]{2})+/gi, run =>
    utf8.decode(Uint8Array.from(run.slice(1).split('%'), pair => Number.parseInt(pair, 16)))
  )
}
