/** Quotas by name and the route table of the edge, as data: who needs a token, and which quotas apply. */

/** At most `quota` requests in any window of `windowMs`, counted in slices of `sliceMs`. */
export interface QuotaPolicy {
  readonly quota: number
  readonly windowMs: number
  readonly sliceMs: number
}

/**
 * Slices in a window. A slice counts whole until it has left the window, so an honest client at the limit
 * loses at most one slice in sixty.
 */
const SLICES_PER_WINDOW = 60

/** Builds a policy of `quota` requests in `windowSeconds`. */
export function quotaPolicy(quota: number, windowSeconds: number): QuotaPolicy {
  const windowMs = windowSeconds * 1000
  return { quota, windowMs, sliceMs: Math.max(1, Math.floor(windowMs / SLICES_PER_WINDOW)) }
}

/** Reads `"300/60"`: 300 requests in 60 seconds. */
export function parseQuotaPolicy(text: string): QuotaPolicy | undefined {
  const match = /^([1-9]\d{0,8})\/([1-9]\d{0,5})$/.exec(text)
  return match ? quotaPolicy(Number(match[1]), Number(match[2])) : undefined
}

/** The quotas that the edge applies. */
export type EdgeQuotaName = 'address' | 'auth' | 'user'

export type EdgeQuotas = Readonly<Record<EdgeQuotaName, QuotaPolicy>>

export const DEFAULT_EDGE_QUOTAS: EdgeQuotas = {
  /** Any request, per client address. */
  address: quotaPolicy(300, 60),
  /** `/auth/*`, per client address. */
  auth: quotaPolicy(60, 60),
  /** Any request with a token, per user. */
  user: quotaPolicy(600, 60)
}

/** What holds for the requests whose canonical path matches `path`. */
export interface RoutePolicy {
  /** A path, or a prefix that ends in `/*` and then also matches without its last slash. */
  readonly path: string
  /** `required`: without a good token the edge answers 401. `none`: a token is not even looked at. */
  readonly token: 'required' | 'none'
  /** Quotas by client address that apply besides `address`. */
  readonly quotas: readonly 'auth'[]
}

/**
 * The route table of Gatehouse's own API; the first match holds.
 *
 * It ends in "no token": the edge is a filter, the origin checks each protected route itself,
 * and an unknown path deserves its 404.
 */
export function gatehouseRoutes(prefix: string): readonly RoutePolicy[] {
  return [
    { path: `${prefix}/auth/sessions/*`, token: 'required', quotas: ['auth'] },
    { path: `${prefix}/auth/verify-token`, token: 'required', quotas: ['auth'] },
    { path: `${prefix}/auth/*`, token: 'none', quotas: ['auth'] },
    { path: `${prefix}/users/*`, token: 'required', quotas: [] },
    { path: `${prefix}/admin/*`, token: 'required', quotas: [] },
    { path: '/*', token: 'none', quotas: [] }
  ]
}

/** The policy for a canonical path. Where nothing matches, a token is required: a forgotten route is a closed one. */
export function routePolicyFor(routes: readonly RoutePolicy[], path: string): RoutePolicy {
  return routes.find(route => matches(route.path, path)) ?? { path, token: 'required', quotas: [] }
}

function matches(pattern: string, path: string): boolean {
  if (!pattern.endsWith('/*')) return pattern === path
  const base = pattern.slice(0, -2)
  return path === base || path.startsWith(`${base}/`)
}
