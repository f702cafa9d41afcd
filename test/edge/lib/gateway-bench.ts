/** A gateway with every port in the test's hand; what it did is written down in order. */

import type { Admission } from '../../../edge/admission/admission.ts'
import type { Charge, ChargeResult } from '../../../edge/admission/charge.ts'
import { parsePolicies } from '../../../edge/contract/parse-policies.ts'
import { type EdgePolicies, gatehousePolicies } from '../../../edge/contract/policies.ts'
import { createForward, type ForwardOptions } from '../../../edge/gateway/forward.ts'
import { createGateway, type GatewayEvent, type GatewayOptions } from '../../../edge/gateway/gateway.ts'
import type { SessionStatus } from '../../../edge/revocation/revocation-view.ts'
import { claimsOf } from '../../../local/token-forge.ts'

export const NOW_MS = 1_800_000_000_000
export const REQUEST_ID = '01a30a8f-2c00-7000-8000-000000000001'
export const CLAIMS = claimsOf({ issuer: 'http://gatehouse.test', audience: 'a', nowSeconds: NOW_MS / 1000 })

/** How the admission of a bench answers: yes to everything, but for this. */
export interface AdmissionAnswers {
  /** The one quota that refuses, when it is taken. */
  readonly used?: string
  /** The one quota that is known to refuse, before anybody is asked. */
  readonly held?: string
  readonly refusal?: 'rate-limited' | 'unavailable'
  readonly retryAfterMs?: number
  readonly standing?: SessionStatus
}

/** What a test may change: ports of the gateway, and those of the forwarding behind it. */
export type BenchChanges = Partial<GatewayOptions> & Partial<ForwardOptions> & { readonly answers?: AdmissionAnswers }

export interface GatewayBench {
  gateway(request: Request, clientAddress: string | undefined): Promise<Response>
  /** The names of the steps that were taken, oldest first. */
  readonly steps: string[]
  readonly events: GatewayEvent[]
  /** What was forwarded. */
  readonly forwarded: Request[]
}

/** Builds a gateway that lets everything pass, but for what `changes` say. */
export function createGatewayBench({ answers = {}, ...changes }: BenchChanges = {}): GatewayBench {
  const [steps, events, forwarded]: [string[], GatewayEvent[], Request[]] = [[], [], []]
  const step = <T>(name: string, value: T): T => {
    steps.push(name)
    return value
  }
  const { originUrl, deadlineMs, signHop, fetch, ...gatewayChanges } = changes
  const { nowMs } = changes
  const forwardChanges = defined({ originUrl, deadlineMs, signHop, fetch, nowMs })
  const forward = createForward({
    originUrl: 'http://origin.test',
    deadlineMs: 10_000,
    signHop: async () => step('sign', 'signature'),
    fetch: async (input, init) => {
      forwarded.push(new Request(input, init))
      return step('fetch', new Response('ok'))
    },
    nowMs: () => NOW_MS,
    ...forwardChanges
  })
  const gateway = createGateway({
    publicUrl: 'http://gatehouse.test',
    allowedOrigins: ['https://app.test'],
    policies: ownPolicies(),
    verifier: { verify: async () => step('verify', { ok: true, claims: CLAIMS, kid: 'k' }) },
    admission: createAnswers(answers, step),
    forward,
    nowMs: () => NOW_MS,
    createRequestId: () => REQUEST_ID,
    log: event => events.push(event),
    ...gatewayChanges
  })
  return {
    gateway: (request, clientAddress) => gateway(request, { clientAddress, waitUntil: () => {} }),
    steps,
    events,
    forwarded
  }
}

/** Without the members that are undefined. */
function defined<T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never
}

/** Gatehouse's own policies, read as a deployment's. */
export function ownPolicies(): EdgePolicies {
  const parsed = parsePolicies(gatehousePolicies('/api/v1'))
  if (!parsed.ok) throw new Error(`the policies of the house are refused: ${parsed.reason}`)
  return parsed.value
}

function createAnswers(answers: AdmissionAnswers, step: <T>(name: string, value: T) => T): Admission {
  const { used, held, refusal = 'rate-limited', retryAfterMs = 12_001, standing = 'live' } = answers
  const refused = (takes: readonly Charge[], name: string | undefined): ChargeResult | undefined => {
    const standings = takes
      .filter(take => take.name === name)
      .map(take => ({ name: take.name, policy: take.policy, remaining: 0, retryAfterMs }))
    return standings.length === 0 ? undefined : { refusal, standings, retryAfterMs }
  }
  const note = (what: string, takes: readonly Charge[]) => {
    if (takes.length > 0) step([what, ...takes.map(({ name }) => name)].join(' '), undefined)
  }
  return {
    refusalOf(takes) {
      note('recall', takes)
      return refused(takes, held)
    },
    prepare(takes, isRevocable) {
      note(isRevocable ? 'prepare view' : 'prepare', takes)
      return undefined
    },
    take(takes) {
      note('take', takes)
      const standings = takes.map(({ name, policy }) => ({ name, policy, remaining: 7, retryAfterMs: 0 }))
      return refused(takes, used) ?? { refusal: undefined, standings, retryAfterMs: 0 }
    },
    standing: () => step('standing', standing)
  }
}
