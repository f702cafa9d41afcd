/**
 * Request → Response: the steps of a request are `serve.ts`, its answer is `respond.ts`.
 *
 * Knows no platform: clocks, randomness, stores and the origin are handed in. It is a filter, not an authority: the
 * origin checks the signed hop, the token and the revocation again.
 */

import type { ProblemCode } from '../contract/problems.ts'
import { type OptionNames, requireOptions } from '../contract/require-options.ts'
import { refusal } from './refusal.ts'
import { createRespond, type Outcome } from './respond.ts'
import { type Arrival, createServe, type Passage, type ServeOptions } from './serve.ts'

export interface GatewayOptions extends ServeOptions {
  /** The origin under which clients reach the service; no trailing slash. */
  readonly publicUrl: string
  readonly createRequestId: () => string
  readonly log: (event: GatewayEvent) => void
  /** More headers for every answer, for debugging. */
  readonly debugHeaders?: (nowMs: number) => Readonly<Record<string, string>>
}

/** A refusal, for the operator's log; never a token or an address. */
export interface GatewayEvent {
  readonly requestId: string
  readonly code: ProblemCode
  readonly reason: string
}

const NAMES: OptionNames<GatewayOptions> = {
  publicUrl: 'required',
  allowedOrigins: 'required',
  policies: 'required',
  verifier: 'required',
  admission: 'required',
  forward: 'required',
  nowMs: 'required',
  createRequestId: 'required',
  log: 'required',
  debugHeaders: 'optional'
}

export type Gateway = (request: Request, arrival: Arrival) => Promise<Response>

/**
 * Creates the gateway of one deployment, for a platform other than Workers: `createEdgeWorker` does this there.
 * Throws a TypeError on an option that is missing or unknown.
 *
 * @example
 * const gateway = createGateway({
 *   publicUrl: 'https://api.example.com',
 *   allowedOrigins: ['https://app.example.com'],
 *   policies,
 *   verifier,
 *   admission,
 *   forward,
 *   nowMs: Date.now,
 *   createRequestId: () => crypto.randomUUID(),
 *   log: event => console.warn(JSON.stringify(event))
 * })
 * const arrival = { clientAddress: '192.0.2.1', waitUntil: context.waitUntil }
 * const headers = { authorization: `Bearer ${token}` }
 * const refused = await gateway(new Request('https://api.example.com/orders'), arrival)
 * refused.status // → 401
 * const passed = await gateway(new Request('https://api.example.com/orders', { headers }), arrival)
 * passed.status // → 200
 */
export function createGateway(options: GatewayOptions): Gateway {
  requireOptions('create a gateway', options, NAMES)
  const { publicUrl, allowedOrigins, nowMs, debugHeaders } = options
  const serve = createServe(options)
  const respond = createRespond({ publicUrl, allowedOrigins, debugHeaders: () => debugHeaders?.(nowMs()) ?? {} })

  return async (request, arrival) => {
    const passage: Passage = { request, requestId: options.createRequestId(), arrival, quotas: [] }
    let outcome: Outcome
    try {
      outcome = await serve(passage)
      if (outcome.ok) return await respond(passage, outcome)
    } catch (error) {
      outcome = refusal('internal', `unforeseen: ${error}`)
    }
    options.log({ requestId: passage.requestId, code: outcome.problem, reason: outcome.reason })
    return respond(passage, outcome)
  }
}
