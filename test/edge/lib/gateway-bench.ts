/** A gateway with every port in the test's hand; what it did is written down in order. */

import { gatehouseRoutes, quotaPolicy } from '../../../edge/contract/policies.ts'
import { createGateway, type Gateway, type GatewayEvent, type GatewayOptions } from '../../../edge/gateway.ts'
import { claimsOf } from '../../lib/token-forge.ts'

export const NOW_MS = 1_800_000_000_000
export const REQUEST_ID = '01a30a8f-2c00-7000-8000-000000000001'
export const CLAIMS = claimsOf({ issuer: 'http://gatehouse.test', audience: 'a', nowSeconds: NOW_MS / 1000 })

export interface GatewayBench {
  readonly gateway: Gateway
  /** The names of the steps that were taken, oldest first. */
  readonly steps: string[]
  readonly events: GatewayEvent[]
  /** What was forwarded. */
  readonly forwarded: Request[]
}

/** Builds a gateway that lets everything pass, but for what `changes` say. */
export function createGatewayBench(changes: Partial<GatewayOptions> = {}): GatewayBench {
  const [steps, events, forwarded]: [string[], GatewayEvent[], Request[]] = [[], [], []]
  const step = <T>(name: string, value: T): T => {
    steps.push(name)
    return value
  }
  const gateway = createGateway({
    publicUrl: 'http://gatehouse.test',
    originUrl: 'http://origin.test',
    originDeadlineMs: 10_000,
    allowedOrigins: ['https://app.test'],
    routes: gatehouseRoutes('/api/v1'),
    quotas: { address: quotaPolicy(300, 60), auth: quotaPolicy(60, 60), user: quotaPolicy(600, 60) },
    verifier: { verify: async () => step('verify', { ok: true, claims: CLAIMS, kid: 'k' }) },
    limiter: {
      take: async name => step(`take ${name}`, { allowed: true, remaining: 7, retryAfterMs: 0, from: 'store' })
    },
    revocation: { standing: async () => step('standing', 'live'), ageMs: () => 0 },
    signHop: async () => step('sign', 'signature'),
    fetch: async request => {
      forwarded.push(request)
      return step('fetch', new Response('ok'))
    },
    nowMs: () => NOW_MS,
    createRequestId: () => REQUEST_ID,
    log: event => events.push(event),
    ...changes
  })
  return { gateway, steps, events, forwarded }
}
