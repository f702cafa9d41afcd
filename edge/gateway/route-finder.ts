/** From a URL to its canonical path and the policy of its route: computed once per path, and remembered. */

import { createBoundedMap } from '../contract/bounded-map.ts'
import { type EdgePolicies, type RoutePolicy, routePolicyFor, UNKNOWN_ROUTE } from '../contract/policies.ts'
import type { QuotaPolicy } from '../contract/quota-policy.ts'
import { canonicalTarget, type ParsedTarget } from './canonical-target.ts'

/** The route of a path: its policy and its quotas. */
export interface Route {
  /** The canonical path, the only one that policy and forwarding use. */
  readonly path: string
  readonly policy: RoutePolicy
  readonly byAddress: readonly NamedQuota[]
  readonly byUser: readonly NamedQuota[]
}

export interface NamedQuota {
  readonly name: string
  readonly policy: QuotaPolicy
}

/** Finds the route of a target; undefined for a path that could be read in two ways. */
export type FindRoute = (method: string, target: ParsedTarget) => Route | undefined

const REMEMBERED_PATHS = 2_000
/** Longer ones come from an attacker, and would fill the memory. */
const MAX_REMEMBERED_CHARACTERS = 256

/** Creates the finder of one deployment. */
export function createRouteFinder(policies: EdgePolicies): FindRoute {
  const known = createBoundedMap<string, Route>(REMEMBERED_PATHS)

  function find(method: string, parsed: ParsedTarget): Route | undefined {
    const target = canonicalTarget(parsed)
    if (target === undefined) return undefined
    const policy = routePolicyFor(policies.routes, method, target.path)
    const names = policy === UNKNOWN_ROUTE ? Object.keys(policies.quotas) : policy.quotas
    const quotas = names.flatMap(name => {
      const quota = policies.quotas[name]
      return quota === undefined ? [] : [{ name, ...quota }]
    })
    return {
      path: target.path,
      policy,
      byAddress: quotas.filter(({ by }) => by === 'address'),
      byUser: quotas.filter(({ by }) => by === 'user')
    }
  }

  return (method, target) => {
    // Neither a method nor a path contains the space between them.
    const key = `${method} ${target.pathname}`
    const route = known.get(key) ?? find(method, target)
    if (route !== undefined && key.length <= MAX_REMEMBERED_CHARACTERS) known.set(key, route)
    return route
  }
}
