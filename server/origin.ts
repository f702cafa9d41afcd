/**
 * The origin as a whole: opens what the server needs, starts its background jobs, listens, and closes in order.
 *
 * Over 200 lines: what is opened here is closed here, in the opposite order.
 */

import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { openDatabase } from '../db/client.ts'
import { sql } from '../db/drizzle.ts'
import { createAdmission } from '../edge/admission/admission.ts'
import { createRedisLimiter } from '../edge/limiter/redis-limiter.ts'
import { REVOCATION_MAX_AGE_MS, revocationRetentionMs } from '../edge/revocation/lifetimes.ts'
import { createRevocationFeed } from '../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../edge/revocation/revocation-view.ts'
import { openRedis } from '../edge/store/open-redis.ts'
import { buildApp } from './app.ts'
import { createAuditRows } from './audit/audit-event.ts'
import { createAuditSealer } from './audit/audit-sealer.ts'
import type { Config } from './config.ts'
import { openKeys } from './features/keys/service.ts'
import { createEndStolenSession } from './features/sessions/end-stolen-session.ts'
import { openGuard } from './guard/open-guard.ts'
import { createHousekeeping } from './jobs/housekeeping.ts'
import { createRefreshConfirmations } from './jobs/refresh-confirmations.ts'
import { type RepeatedJob, repeat } from './jobs/repeat.ts'
import { createReseal } from './jobs/reseal.ts'
import { createRevocationKeeper } from './jobs/revocation-keeper.ts'
import { type StartedJobs, startInTurn } from './jobs/start-in-turn.ts'
import { deriveKeys } from './lib/crypto/derived-keys.ts'
import { createNodeSignaturePort } from './lib/crypto/node-signature.ts'
import { createSealedBox } from './lib/crypto/sealed-box.ts'
import { createMailBounds } from './mail/mail-bounds.ts'
import { createOutboxPass } from './mail/outbox-worker.ts'
import { openMailTransport } from './mail/transport.ts'
import { createMetrics, type MetricsServer, openMetricsServer } from './metrics.ts'

export interface Origin {
  readonly app: FastifyInstance
  /** `http://host:port` that it listens on. */
  readonly url: string
  /** Where Prometheus reads, if metrics are served. */
  readonly metricsUrl: string | undefined
  /** Resolves when its jobs have each had a first run, well or not: among others, Redis knows then who is signed out. */
  readonly started: Promise<void>
  close(): Promise<void>
}

/** Milliseconds between two rounds of each job. */
const EVERY = {
  mail: 1_000,
  revocation: 1_000,
  keys: 1_000,
  confirmations: 500,
  audit: 1_000,
  housekeeping: 60_000,
  reseal: 6 * 3_600_000
}

/**
 * Connections of the jobs, apart from those of requests: jobs get through where requests hold all of theirs. And they
 * begin all at once; among a handful of connections, what is asked now and then would meet one after the other that has
 * yet to prepare it.
 */
const JOB_CONNECTIONS = 4

/** No client waits for a job, so on a busy machine, and at a start, it may take longer than a request. */
const JOB_DEADLINES = { databaseMs: 7_500, redisMs: 2_000 }

/** How long Redis is left alone by the revocation view after it failed. */
const REDIS_BACK_OFF_MS = 250

/** Opens an origin on a migrated database. */
export async function openOrigin(config: Config, logger: FastifyServerOptions['logger']): Promise<Origin> {
  const nowMs = () => Date.now()
  const { databaseUrl: url, databasePrepare: prepares } = config
  const database = openDatabase({ url, prepares })
  const jobDatabase = openDatabase({
    url,
    prepares,
    maxConnections: JOB_CONNECTIONS,
    deadlineMs: JOB_DEADLINES.databaseMs
  })
  const redisPlace = { url: config.redisUrl, token: config.redisToken, namespace: config.redisNamespace }
  const redis = openRedis(redisPlace)
  const retentionMs = revocationRetentionMs(config.accessTokenTtl)
  const feed = createRevocationFeed(redis, retentionMs)
  const derived = deriveKeys(config.rootSecrets)
  const box = createSealedBox(derived)
  const audit = createAuditRows(box)
  const keys = await openKeys({ database: jobDatabase, box, signature: createNodeSignaturePort(), nowMs })
  const transport = openMailTransport(config.smtpUrl, config.mailFrom)

  // The jobs log through the app, and the app wakes the jobs: it is built first and they are looked up late.
  const metrics = createMetrics()
  const onStoreFailure = (error: Error) => {
    metrics.storeFailed()
    app.log.warn({ reason: error.message }, 'Redis failed')
  }
  const log = {
    info: (fields: object, message: string) => app.log.info(fields, message),
    warn: (fields: object, message: string) => app.log.warn(fields, message)
  }
  const onError = (job: string) => (error: unknown) => {
    metrics.jobFailed(job)
    log.warn({ job, reason: String(error) }, 'a job failed; it runs again')
  }
  const kept = { database: jobDatabase, retentionMs, nowMs, log }
  const patient = openRedis({ ...redisPlace, deadlineMs: JOB_DEADLINES.redisMs })
  const { tend } = createRevocationKeeper({ ...kept, feed: createRevocationFeed(patient, retentionMs) })
  const { announce } = createRevocationKeeper({ ...kept, feed })
  const view = createRevocationView({
    maxAgeMs: REVOCATION_MAX_AGE_MS,
    retentionMs,
    // The view refuses the tokens of this key from now on: nobody should be given another one.
    onKeyRemoved: () => keys.reload().catch(onError('keys'))
  })
  const admission = createAdmission({
    redis,
    view,
    nowMs,
    maxSubjects: 0,
    fallbackShare: 0,
    breakerResetMs: REDIS_BACK_OFF_MS,
    onStoreFailure
  })
  const publishEnds = (sids: readonly string[]) => {
    // This process knows at once, even where the end cannot be published.
    view.end(sids, nowMs())
    return announce(sids)
  }
  const wakeMail = () => mailJob?.wake()
  const theft = { database: jobDatabase, audit, box, nowMs, wakeMail, publishEnds }
  const confirmations = createRefreshConfirmations({
    database: jobDatabase,
    endStolen: createEndStolenSession(theft)
  })
  const limiter = createRedisLimiter({
    redis,
    fallbackShare: 0.1,
    maxFallbackSubjects: 10_000,
    breakerResetMs: 1000,
    onStoreFailure
  })
  const app = await buildApp(config, {
    database,
    confirmations,
    keys,
    box,
    audit,
    metrics,
    guard: openGuard(config, redis, { subjectSecret: derived['guard-subjects'][0].secret, onStoreFailure, nowMs }),
    nowMs,
    logger,
    limiter,
    admission,
    publishEnds,
    wakeMail,
    checkReady: async () => {
      const [epoch] = await Promise.all([feed.epoch(), database.run(db => db.execute(sql`select 1`))])
      if (epoch === undefined) throw new Error('the revocation set is not rebuilt yet')
    }
  })

  const behind = { database: jobDatabase, box, nowMs, log }
  const bounds = createMailBounds({ limiter, quotas: config.quotas, nowMs })
  const pass = createOutboxPass({ ...behind, transport, publicUrl: config.publicUrl, bounds })
  const seal = createAuditSealer(behind)
  const tidy = createHousekeeping({ ...behind, retentionMs, auditRetentionMs: config.auditRetention * 1000 })
  const job = (name: keyof typeof EVERY, run: () => Promise<void>) => () =>
    repeat({ everyMs: EVERY[name], onError: onError(name), run })
  let mailJob: RepeatedJob | undefined
  let jobs: StartedJobs | undefined
  // In the order in which requests need them.
  const startJobs = () =>
    startInTurn([
      job('revocation', tend),
      job('keys', keys.reload),
      () => (mailJob = job('mail', () => untilEmpty(pass))()),
      job('confirmations', confirmations.write),
      job('audit', () => untilEmpty(seal)),
      job('housekeeping', tidy),
      job('reseal', createReseal(behind))
    ])
  let metricsServer: MetricsServer | undefined
  const close = async () => {
    await closeServer(app)
    await metricsServer?.close()
    await jobs?.stop()
    await confirmations.write().catch(onError('confirmations'))
    transport.close()
    await Promise.all([database.close(), jobDatabase.close()])
  }
  try {
    if (config.metricsPort !== undefined)
      metricsServer = await openMetricsServer(metrics, config.host, config.metricsPort)
    const listening = await app.listen({ host: config.host, port: config.port })
    jobs = startJobs()
    return { app, close, url: listening, metricsUrl: metricsServer?.url, started: jobs.firstRuns }
  } catch (error) {
    await close()
    throw error
  }
}

async function untilEmpty(pass: () => Promise<number>): Promise<void> {
  while ((await pass()) > 0);
}

/** A keep-alive connection that was busy when closing began stalls it; so idle ones are closed again and again. */
async function closeServer(app: FastifyInstance): Promise<void> {
  const sweeper = setInterval(() => app.server.closeIdleConnections(), 50)
  try {
    await app.close()
  } finally {
    clearInterval(sweeper)
  }
}
