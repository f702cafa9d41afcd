/** Binds the environment of a Worker to a deployment; only this file knows how Cloudflare calls a Worker. */

import { parsePolicies } from './contract/parse-policies.ts'
import { type EdgePolicies, gatehousePolicies, type WrittenPolicies } from './contract/policies.ts'
import { createRequestId, type Deployment, openDeployment } from './deployment.ts'
import { problemResponse } from './gateway/respond.ts'
import { log } from './log.ts'
import { parseEdgeSettings } from './settings.ts'

type Env = Readonly<Record<string, unknown>>

/** The part of a Worker's context that is needed. */
export interface WorkerContext {
  waitUntil(promise: Promise<unknown>): void
}

/** A Worker: the default export of its module. */
export interface EdgeWorker {
  fetch(request: Request, env: Env, context: WorkerContext): Promise<Response>
}

/**
 * Creates the Worker. It reads its settings at the first request. If a setting is missing or malformed, it answers 503
 * to every request and logs the names of all faulty settings.
 *
 * @param written the policies of this deployment; by default Gatehouse's own, under `API_PREFIX`
 * @throws TypeError on invalid policies, so that they cannot be deployed
 *
 * @example
 * export default createEdgeWorker({
 *   quotas: { address: { by: 'address', limit: '300/60' }, user: { by: 'user', limit: '600/60' } },
 *   routes: [
 *     { path: '/health', methods: ['GET'], token: 'none', quotas: ['address'], onStoreFailure: 'fallback' },
 *     { path: '/*', methods: 'any', token: 'required', quotas: ['address', 'user'], onStoreFailure: 'fallback' }
 *   ]
 * })
 */
export function createEdgeWorker(written?: WrittenPolicies): EdgeWorker {
  const own = written === undefined ? undefined : demandPolicies(written)
  let deployment: Deployment | undefined

  return {
    fetch(request, env, context) {
      deployment ??= deploy(env, own)
      if (deployment === undefined) return Promise.resolve(refuseEverything())
      const { gateway, renewKeys, fallbackClientAddress } = deployment

      const waitUntil = (work: Promise<unknown>) => context.waitUntil(work)
      const renewal = renewKeys(Date.now())
      if (renewal !== undefined) waitUntil(renewal)
      // Cloudflare sets this header itself and overwrites a client's own.
      const clientAddress = request.headers.get('cf-connecting-ip') ?? fallbackClientAddress
      return gateway(request, { clientAddress, waitUntil })
    }
  }
}

function demandPolicies(written: WrittenPolicies): EdgePolicies {
  const parsed = parsePolicies(written)
  if (!parsed.ok) throw new TypeError(`Cannot create the Worker with these policies: ${parsed.reason}`)
  return parsed.value
}

function deploy(env: Env, own: EdgePolicies | undefined): Deployment | undefined {
  const parsed = parseEdgeSettings(env)
  if (!parsed.ok) return misconfigured(parsed.reason)
  const settings = parsed.value
  try {
    return openDeployment(settings, own ?? demandPolicies(gatehousePolicies(settings.apiPrefix, settings.quotas)))
  } catch (error) {
    return misconfigured(error instanceof Error ? error.message : String(error))
  }
}

function misconfigured(reason: string): undefined {
  log({ level: 'error', event: 'misconfigured', reason })
}

/** Security: a Worker without a required setting refuses every request. */
function refuseEverything(): Response {
  return problemResponse('', { problem: 'unavailable', requestId: createRequestId() }, { 'retry-after': '60' })
}
