/** The edge's policies as data: quotas by name, and the routes with their token requirement and their quotas. */

import { MAX_BODY_BYTES } from './http.ts'
import type { QuotaPolicy } from './quota-policy.ts'

/** What a quota counts by: the client address (IPv6: its /64), or the user. */
export type QuotaSubject = 'address' | 'user'

/**
 * What happens to a request while Redis cannot count: a stricter quota in the memory of each instance, or 503.
 *
 * Ended sessions allow no such choice: a request with an unknown session status is always refused.
 */
export type StoreFailurePolicy = 'fallback' | 'refuse'

/** One quota. */
export interface EdgeQuota {
  readonly by: QuotaSubject
  readonly policy: QuotaPolicy
}

/** The rules for requests to one path. */
export interface RoutePolicy {
  /** A path, or a prefix that ends in `/*`, which also matches without its last slash; see `routePolicyFor()`. */
  readonly path: string
  /** Methods in capitals, where GET includes HEAD; or any method. */
  readonly methods: 'any' | readonly string[]
  /** `required`: without a valid token the edge answers 401. `none`: the edge does not look at a token. */
  readonly token: 'required' | 'none'
  /** Names of quotas. Quotas by user need a token. */
  readonly quotas: readonly string[]
  readonly onStoreFailure: StoreFailurePolicy
  /**
   * The largest request body. The edge answers 413 to a larger one, and 415 to one with a `Content-Encoding`, because
   * its real size is unknown. Without this limit bodies are forwarded as they come, and the backend limits their size.
   */
  readonly maxBodyBytes?: number
}

/** All policies of a deployment. */
export interface EdgePolicies {
  readonly quotas: Readonly<Record<string, EdgeQuota>>
  /** The first matching route applies. Without a match, a token is required. */
  readonly routes: readonly RoutePolicy[]
}

/** Policies as a deployment writes them: as `EdgePolicies`, but a quota is `{ by: 'address', limit: '300/60' }`. */
export interface WrittenPolicies {
  readonly quotas: Readonly<Record<string, { readonly by: QuotaSubject; readonly limit: string }>>
  readonly routes: readonly RoutePolicy[]
}

/** The quotas of Gatehouse's own API. */
export type GatehouseQuotaName = 'address' | 'auth' | 'user'

/** Their default limits. */
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
 * The last route needs no token: the origin checks each protected route itself, and an unknown path gets its 404 there.
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
 * The policy for a request with a canonical path. Without a match a token is required, so a forgotten route is closed.
 *
 * Security: the edge does not know how leniently the origin reads a path. `/Health` may be `/health`, or another
 * resource under `/*`. The path is looked up as the most lenient origin reads it, and literally. It is public only if
 * both lookups say so.
 */
export function routePolicyFor(routes: readonly RoutePolicy[], method: string, path: string): RoutePolicy {
  const plain = plainPath(path)
  const possible = routes.filter(route => matchesMethod(route, method))
  const forgiven = possible.find(route => matchesPath(route.path.toLowerCase(), plain)) ?? UNKNOWN_ROUTE
  if (forgiven.token === 'required') return forgiven
  const literal = possible.find(route => matchesPath(route.path, path)) ?? UNKNOWN_ROUTE
  return literal.token === 'required' ? literal : forgiven
}

/** The policy of a path without a route: a token is required, and the gateway charges every quota. */
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
 * A path as the most lenient origin reads it: without escapes, parameters after `;` (RFC 3986 §3.3), or a final slash.
 * Case is ignored in every alphabet: `ſ` is an `s`, and the Kelvin sign is a `k`.
 */
function plainPath(path: string): string {
  const plain = unescapePath(path)
    .normalize('NFKC')
    .replaceAll(/;[^/]*/g, '')
    .replaceAll(/\/{2,}/g, '/')
    .toLowerCase()
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain
}

// Lenient: invalid bytes must not keep the rest of the path from being read.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

function unescapePath(path: string): string {
  return path.replaceAll(/(?:%[0-9a-f]{2})+/gi, run =>
    utf8.decode(Uint8Array.from(run.slice(1).split('%'), pair => Number.parseInt(pair, 16)))
  )
}
