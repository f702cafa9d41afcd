/** What the app of an origin works on, opened by `open-ports.ts`. */

import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../db/client.ts'
import type { Limiter } from '../edge/limiter/redis-limiter.ts'
import type { AuditRows } from './audit/audit-rows.ts'
import type { KeysService } from './features/keys/service.ts'
import type { LoginGuard } from './guard/login-guard.ts'
import type { RefreshConfirmations } from './jobs/refresh-confirmations.ts'
import type { SealedBox } from './lib/crypto/sealed-box.ts'
import type { PublishEnds } from './lib/publish-ends.ts'
import type { Metrics } from './metrics.ts'
import type { ReadSessionStatus } from './session-status.ts'

/** The ports of the app: what its routes and rules use of the world outside. */
export interface Ports {
  readonly database: Database
  readonly limiter: Limiter
  readonly guard: LoginGuard
  /** Whether the session of an access token is live. */
  readonly sessionStatus: ReadSessionStatus
  /** Notes the use of access tokens, which confirms their refresh tokens. */
  readonly confirmations: Pick<RefreshConfirmations, 'note'>
  readonly keys: KeysService
  readonly box: SealedBox
  readonly audit: AuditRows
  readonly metrics: Pick<Metrics, 'answered'>
  readonly publishEnds: PublishEnds
  /** Wakes the job that sends emails: one waits in the outbox. */
  readonly wakeMail: () => void
  /** Rejects where the database or Redis does not answer. */
  readonly checkReady: () => Promise<void>
  readonly nowMs: () => number
  readonly log: FastifyBaseLogger
}
