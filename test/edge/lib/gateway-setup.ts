/** A gateway with ports of the test, which note its steps in order. */

import type { Admission } from '../../../edge/admission/admission.ts'
import type { ChargeRefusal, ChargeResult } from '../../../edge/admission/charge-result.ts'
import { parsePolicies } from '../../../edge/contract/parse-policies.ts'
import { type EdgePolicies, gatehousePolicies } from '../../../edge/contract/policies.ts'
import { createForward, type ForwardOptions } from '../../../edge/gateway/forward.ts'
import { createGateway, type GatewayEvent, type GatewayOptions } from '../../../edge/gateway/gateway.ts'
import type { Charge } from '../../../edge/limiter/charge.ts'
import type { SessionStatus } from '../../../edge/revocation/revocation-view.ts'
import { claimsOf } from '../../../local/token-forge.ts'

export const NOW_MS = 1_800_000_000_000
export const REQUEST_ID = '01a30a8f-2c00-7000-8000-000000000001'
export const CLAIMS = claimsOf({ issuer: 'http://gatehouse.test', audience: 'a', nowSeconds: NOW_MS / 1000 })

/** The answers of a setup's admission, which admits every request except these. */
export interface AdmissionAnswers {
  /** The one quota that refuses when it is charged. */
  readonly used?: string
  /** The one quota that is known to refuse before Redis is asked. */
  readonly held?: string
  readonly refusal?: 'rate-limited' | 'unavailable'
  readonly retryAfterMs?: number
  readonly session?: SessionStatus
}

/** The ports that a test may change: those of the gateway, and those of the forwarding behind it. */
export type SetupChanges = Partial<GatewayOptions> & Partial<ForwardOptions> & { readonly answers?: AdmissionAnswers }

export interface GatewaySetup {
  gateway(request: Request, clientAddress: string | undefined): Promise<Response>
  /** The names of the steps that were taken, oldest first. */
  readonly steps: string[]
  readonly events: GatewayEvent[]
  /** The forwarded requests. */
  readonly forwarded: Request[]
}

/** Builds a gateway that lets every request pass, except for `changes`. */
export function createGatewaySetup({ answers = {}, ...changes }: SetupChanges = {}): GatewaySetup {
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
  const { used, held, refusal: problem = 'rate-limited', retryAfterMs = 12_001, session = 'live' } = answers
  const note = (what: string, charges: readonly Charge[]) => {
    if (charges.length > 0) step([what, ...charges.map(({ name }) => name)].join(' '), undefined)
  }
  const refused = (charges: readonly Charge[], by: string | undefined): ChargeRefusal | undefined => {
    const quotas = charges
      .filter(({ name }) => name === by)
      .map(({ name, policy }) => ({ name, policy, remaining: 0, retryAfterMs }))
    return quotas.length === 0 ? undefined : { ok: false, problem, quotas, retryAfterMs }
  }
  const charge = (charges: readonly Charge[]): ChargeResult => {
    note('charge', charges)
    const quotas = charges.map(({ name, policy }) => ({ name, policy, remaining: 7, retryAfterMs: 0 }))
    return refused(charges, used) ?? { ok: true, quotas }
  }
  return {
    begin({ charges: anonymous }) {
      let charges = anonymous
      let isIdentified = false
      return {
        refusal() {
          note('refusal', charges)
          return refused(charges, held)
        },
        identify(_session, more) {
          isIdentified = true
          charges = [...charges, ...more]
        },
        ready() {
          note(isIdentified ? 'ready view' : 'ready', charges)
          return undefined
        },
        sessionStatus: () => step('session', session),
        charge: () => charge(charges),
        chargeAnonymous: () => charge(anonymous)
      }
    }
  }
}
