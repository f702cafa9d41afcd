/** Checks the policies that a deployment wrote, every name included. */

import { type Parsed, parseFailure } from './parsed.ts'
import type { EdgePolicies, EdgeQuota, RoutePolicy } from './policies.ts'
import { parseQuotaPolicy } from './quota-policy.ts'

/**
 * Checks policies as a deployment wrote them, and names every fault. A misspelt policy must not open a route.
 *
 * @example
 * const parsed = parsePolicies({
 *   quotas: { address: { by: 'address', limit: '300/60' } },
 *   routes: [{ path: '/*', methods: 'any', token: 'requierd', quotas: ['address'], onStoreFailure: 'fallback' }]
 * })
 * parsed.ok // → false
 * parsed.ok ? '' : parsed.reason // → 'routes[0]: "token" must be "required" or "none"'
 */
export function parsePolicies(unverified: unknown): Parsed<EdgePolicies> {
  const wrong: string[] = []
  const written = isRecord(unverified) ? unverified : {}
  const quotas: Record<string, EdgeQuota> = Object.create(null)
  if (!isRecord(written.quotas)) wrong.push('"quotas" must be an object')
  for (const [name, quota] of Object.entries(isRecord(written.quotas) ? written.quotas : {})) {
    const parsed = parseQuota(name, quota)
    if (typeof parsed === 'string') wrong.push(parsed)
    else quotas[name] = parsed
  }
  const routes: readonly unknown[] = Array.isArray(written.routes) ? written.routes : []
  if (routes.length === 0) wrong.push('"routes" must be a list with at least one route')
  for (const [i, route] of routes.entries())
    wrong.push(...faultsOf(route, quotas).map(fault => `routes[${i}]: ${fault}`))
  if (wrong.length > 0) return parseFailure(wrong.join('; '))
  return { ok: true, value: { quotas, routes: routes as readonly RoutePolicy[] } }
}

/** Names are part of Redis keys and of header fields (RFC 9651 strings). */
const QUOTA_NAME = /^[a-z][a-z0-9-]{0,31}$/
/** Whole segments of characters with only one reading; matched without regard to case. */
const PATTERN = /^(?:\/\*|(?:\/[A-Za-z0-9._~-]+)+(?:\/\*)?|\/)$/
const METHOD = /^[A-Z]{1,20}$/

function parseQuota(name: string, quota: unknown): EdgeQuota | string {
  if (!QUOTA_NAME.test(name)) return `the quota "${name}" must be named in lower-case letters, digits and hyphens`
  const { by, limit } = isRecord(quota) ? quota : {}
  if (by !== 'address' && by !== 'user') return `quotas.${name}.by must be "address" or "user"`
  const policy = typeof limit === 'string' ? parseQuotaPolicy(limit) : undefined
  return policy ? { by, policy } : `quotas.${name}.limit must be requests/seconds, such as "300/60"`
}

function faultsOf(route: unknown, quotas: Readonly<Record<string, EdgeQuota>>): string[] {
  if (!isRecord(route)) return ['must be an object']
  const { path, methods, token, quotas: names, onStoreFailure, maxBodyBytes } = route
  const faults: string[] = []
  if (typeof path !== 'string' || !PATTERN.test(path) || /\/\.{1,2}(\/|$)/.test(path))
    faults.push('"path" must be a path such as "/api/orders" or "/api/*"')
  const isListOfMethods = Array.isArray(methods) && methods.length > 0 && methods.every(isMethod)
  if (methods !== 'any' && !isListOfMethods) faults.push('"methods" must be "any" or a list such as ["GET", "POST"]')
  if (token !== 'required' && token !== 'none') faults.push('"token" must be "required" or "none"')
  if (onStoreFailure !== 'fallback' && onStoreFailure !== 'refuse')
    faults.push('"onStoreFailure" must be "fallback" or "refuse"')
  if (maxBodyBytes !== undefined && !(Number.isSafeInteger(maxBodyBytes) && Number(maxBodyBytes) > 0))
    faults.push('"maxBodyBytes" must be a whole number of at least 1')
  if (!Array.isArray(names) || !names.every(name => typeof name === 'string'))
    return [...faults, '"quotas" must be a list of names']
  for (const name of names) {
    const quota = Object.hasOwn(quotas, name) ? quotas[name] : undefined
    if (quota === undefined) faults.push(`"quotas" names "${name}", which is not defined`)
    else if (quota.by === 'user' && token !== 'required')
      faults.push(`the quota "${name}" is by user, for which "token" must be "required"`)
  }
  return faults
}

/** Checks the type first: as text, `['GET']` would look like a method but match no request. */
function isMethod(value: unknown): boolean {
  return typeof value === 'string' && METHOD.test(value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
