/** What the origin needs from outside its own process, already opened. */

import type { FastifyServerOptions } from 'fastify'
import type { Database } from '../db/client.ts'
import type { Admission } from '../edge/admission/admission.ts'
import type { Limiter } from '../edge/limiter/redis-limiter.ts'
import type { AuditRows } from './audit/audit-event.ts'
import type { KeysService } from './features/keys/service.ts'
import type { LoginGuard } from './guard/login-guard.ts'
import type { RefreshConfirmations } from './jobs/refresh-confirmations.ts'
import type { SealedBox } from './lib/crypto/sealed-box.ts'
import type { Metrics } from './metrics.ts'

export interface Ports {
  readonly database: Database
  readonly limiter: Limiter
  readonly guard: LoginGuard
  /** Keeps the revocation view; quotas are the edge's. */
  readonly admission: Admission
  /** Notes which refresh tokens have arrived at their clients. */
  readonly confirmations: Pick<RefreshConfirmations, 'note'>
  readonly keys: KeysService
  readonly box: SealedBox
  readonly audit: AuditRows
  readonly metrics: Pick<Metrics, 'answered'>
  /** Notes here, and tells the edges, that sessions have ended; false where they could not be told yet. */
  readonly announceEnds: (sids: readonly string[]) => Promise<boolean>
  /** Says that there is something in the outbox. */
  readonly wakeMail: () => void
  /** Rejects where the database or Redis does not answer. */
  readonly checkReady: () => Promise<void>
  readonly nowMs: () => number
  readonly logger: FastifyServerOptions['logger']
}
