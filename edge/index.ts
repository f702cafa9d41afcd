/** The public names of the gateway, `gatehouse/gateway`. Each function has an example, which a test runs. */

export { type Admission, type AdmissionOptions, createAdmission } from './admission/admission.ts'
export type { Charged, ChargeRefusal, ChargeResult } from './admission/charge-result.ts'
export type { Beginning, Conversation } from './admission/conversation.ts'
export type { Background } from './admission/need.ts'
export type { EdgeHop } from './contract/edge-hop.ts'
export { parsePolicies } from './contract/parse-policies.ts'
export type { Parsed, ParseFailure } from './contract/parsed.ts'
export type {
  EdgePolicies,
  EdgeQuota,
  QuotaSubject,
  RoutePolicy,
  StoreFailurePolicy,
  WrittenPolicies
} from './contract/policies.ts'
export { createEdgeWorker, type EdgeWorker, type WorkerContext } from './edge-worker.ts'
export { createForward, type Forward, type Forwarded, type ForwardOptions, type Passed } from './gateway/forward.ts'
export { createGateway, type Gateway, type GatewayEvent, type GatewayOptions } from './gateway/gateway.ts'
export type { Refusal } from './gateway/refusal.ts'
export type { Arrival } from './gateway/serve.ts'
export { createHopSigner, type SignHop } from './gateway/sign-hop.ts'
export type { Charge } from './limiter/charge.ts'
export {
  createRevocationView,
  type RevocationView,
  type RevocationViewOptions,
  type SessionStatus,
  type TokenSession
} from './revocation/revocation-view.ts'
export { openRedis, type Redis, type RedisOptions } from './store/open-redis.ts'
export type { StoreError } from './store/run-scripts.ts'
