/** The background jobs of an origin: the name, the interval and the work of each, in the order in which they start. */

import type { Database } from '../../db/client.ts'
import type { Limiter } from '../../edge/limiter/redis-limiter.ts'
import type { RevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { createExtendChain } from '../audit/extend-chain.ts'
import type { Config } from '../config.ts'
import type { KeysService } from '../features/keys/service.ts'
import { createEndStolenSession } from '../features/sessions/end-stolen-session.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'
import type { PublishEnds } from '../lib/publish-ends.ts'
import { createMailBounds } from '../mail/mail-bounds.ts'
import { createOutboxPass } from '../mail/outbox-worker.ts'
import type { MailTransport } from '../mail/transport.ts'
import { createHousekeeping } from './housekeeping.ts'
import { createRefreshConfirmations, type RefreshConfirmations } from './refresh-confirmations.ts'
import { createRepeatedJob, type RepeatedJob } from './repeated-job.ts'
import { createReseal } from './reseal.ts'
import { createRevocationKeeper } from './revocation-keeper.ts'
import { type StartedJobs, startInTurn } from './start-in-turn.ts'

/** The ports of all jobs together. They differ from those of requests in their deadlines. */
export interface JobsOptions {
  readonly config: Pick<Config, 'publicUrl' | 'quotas' | 'auditRetention'>
  readonly database: Database
  readonly feed: RevocationFeed
  readonly limiter: Limiter
  readonly transport: MailTransport
  readonly keys: Pick<KeysService, 'reload'>
  readonly box: SealedBox
  readonly audit: AuditRows
  readonly publishEnds: PublishEnds
  /** How long an ended session or a removed key matters: the life of an access token and a margin. */
  readonly retentionMs: number
  readonly nowMs: () => number
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  /** Is called for each run that failed. The job runs again after its pause. */
  readonly onFailure: (job: string, error: unknown) => void
}

/** The background jobs as the origin and its routes use them. */
export interface Jobs {
  /** Notes which refresh tokens have arrived at their clients. */
  readonly confirmations: Pick<RefreshConfirmations, 'note'>
  /** Sends the emails of the outbox now, instead of after the pause. */
  wakeMail(): void
  /** Starts the jobs one after another. Resolves when each has had its first run, also where that run failed. */
  start(): Promise<void>
  /** Lets the current runs finish, and writes the confirmations since the last run. */
  stop(): Promise<void>
}

/** Creates the jobs; none runs before `start()`. */
export function createJobs(options: JobsOptions): Jobs {
  const { config, keys } = options
  const job = (name: string, everyMs: number, run: () => Promise<void>): RepeatedJob =>
    createRepeatedJob({ everyMs, run, onError: error => options.onFailure(name, error) })

  const bounds = createMailBounds({ ...options, quotas: config.quotas })
  const sendMails = createOutboxPass({ ...options, bounds, publicUrl: config.publicUrl })
  const mail = job('mail', 1_000, () => untilEmpty(sendMails))
  const theft = { ...options, wakeMail: mail.wake }
  const confirmations = createRefreshConfirmations({
    ...options,
    endStolen: createEndStolenSession(theft)
  })
  const extendChain = createExtendChain(options)

  // In the order in which requests need them.
  const inOrder = [
    job('revocation', 1_000, createRevocationKeeper(options)),
    job('keys', 1_000, keys.reload),
    mail,
    job('confirmations', 500, confirmations.write),
    job('audit', 1_000, () => untilEmpty(extendChain)),
    job('housekeeping', 60_000, createHousekeeping({ ...options, auditRetentionMs: config.auditRetention * 1000 })),
    job('reseal', 6 * 3_600_000, createReseal(options))
  ]
  let started: StartedJobs | undefined
  return {
    confirmations,
    wakeMail: mail.wake,
    start() {
      started = startInTurn(inOrder)
      return started.firstRuns
    },
    async stop() {
      await started?.stop()
      await confirmations.write().catch(error => options.onFailure('confirmations', error))
    }
  }
}

async function untilEmpty(pass: () => Promise<number>): Promise<void> {
  while ((await pass()) > 0);
}
