/** Opens what the app and the jobs of an origin work on: databases, Redis, keys, email, limits and the login guard. */

import type { FastifyBaseLogger } from 'fastify'
import { type Database, openDatabase } from '../db/client.ts'
import { sql } from '../db/drizzle.ts'
import { createRedisLimiter } from '../edge/limiter/redis-limiter.ts'
import { revocationRetentionMs } from '../edge/revocation/lifetimes.ts'
import { createRevocationFeed, type RevocationFeed } from '../edge/revocation/revocation-feed.ts'
import { openRedis, type Redis } from '../edge/store/open-redis.ts'
import { createAuditRows } from './audit/audit-rows.ts'
import type { Config } from './config.ts'
import { loadKeys } from './features/keys/service.ts'
import { createConfiguredGuard } from './guard/configured-guard.ts'
import { createJobs, type Jobs } from './jobs/index.ts'
import { deriveKeys } from './lib/crypto/derived-keys.ts'
import { createNodeSignaturePort } from './lib/crypto/node-signature.ts'
import { createSealedBox } from './lib/crypto/sealed-box.ts'
import { openMailTransport } from './mail/transport.ts'
import type { Metrics } from './metrics.ts'
import type { Ports } from './ports.ts'
import { createRevocation } from './revocation.ts'

/** The parts that exist before anything is opened. */
export interface OpenPortsOptions {
  readonly config: Config
  readonly log: FastifyBaseLogger
  readonly metrics: Metrics
}

/**
 * Connections of the jobs, apart from those of requests: jobs get through while requests hold all of theirs. Several jobs
 * run at the same time. Spread over more connections, a rare query would often meet one that has yet to prepare it.
 */
const JOB_CONNECTIONS = 4

/** No client waits for a job, so on a busy machine, and at a start, it may take longer than a request. */
const JOB_DEADLINES = { databaseMs: 7_500, redisMs: 2_000 }

/** While Redis is away one process grants a tenth of each quota, and remembers this many subjects. */
const FALLBACK = { fallbackShare: 0.1, maxFallbackSubjects: 10_000, breakerResetMs: 1_000 }

/** Opens the ports of the app, and creates the jobs behind it. `opened` collects everything that must be closed. */
export async function openPorts(
  opened: AsyncDisposableStack,
  { config, log, metrics }: OpenPortsOptions
): Promise<{ readonly ports: Ports; readonly jobs: Jobs }> {
  const nowMs = () => Date.now()
  const { onStoreFailure, onJobFailure } = failureReports(metrics, log)
  const { database, jobDatabase } = openDatabases(opened, config)
  const { redis, jobRedis } = openRedisClients(config)
  const derived = deriveKeys(config.rootSecrets)
  const box = createSealedBox(derived)
  const audit = createAuditRows(box)
  const keys = await loadKeys({ database: jobDatabase, box, signature: createNodeSignaturePort(), nowMs })
  const transport = opened.adopt(openMailTransport(config), async mails => mails.close())
  const shared = { box, audit, keys, nowMs, log, retentionMs: revocationRetentionMs(config.accessTokenTtl) }

  const onKeyRemoved = () => void keys.reload().catch(error => onJobFailure('keys', error))
  const revocation = createRevocation({ ...shared, redis, database, jobDatabase, onKeyRemoved, onStoreFailure })
  const { feed, publishEnds, sessionStatus } = revocation
  const limiter = createRedisLimiter({ redis, ...FALLBACK, onStoreFailure })
  const { secret: subjectSecret } = derived['guard-subjects'][0]
  const guard = createConfiguredGuard(config, redis, { subjectSecret, onStoreFailure, nowMs })

  const jobFeed = createRevocationFeed(jobRedis, shared.retentionMs)
  const behind = { ...shared, config, database: jobDatabase, feed: jobFeed, limiter, transport, publishEnds }
  const jobs = createJobs({ ...behind, onFailure: onJobFailure })
  opened.defer(() => jobs.stop())
  const { confirmations, wakeMail } = jobs
  const ports = { ...shared, database, metrics, limiter, guard, sessionStatus, publishEnds, confirmations, wakeMail }
  return { ports: { ...ports, checkReady: createReadinessCheck(feed, database) }, jobs }
}

/** One pool for requests and one for jobs. */
function openDatabases(opened: AsyncDisposableStack, { databaseUrl: url, databasePrepare: prepares }: Config) {
  const database = openDatabase({ url, prepares })
  const { databaseMs: deadlineMs } = JOB_DEADLINES
  const jobDatabase = openDatabase({ url, prepares, maxConnections: JOB_CONNECTIONS, deadlineMs })
  opened.defer(async () => void (await Promise.all([database.close(), jobDatabase.close()])))
  return { database, jobDatabase }
}

/** Two clients of one Redis, which differ in their deadlines. Neither holds a connection. */
function openRedisClients(config: Config): { readonly redis: Redis; readonly jobRedis: Redis } {
  const place = { url: config.redisUrl, token: config.redisToken, namespace: config.redisNamespace }
  return { redis: openRedis(place), jobRedis: openRedis({ ...place, deadlineMs: JOB_DEADLINES.redisMs }) }
}

/** How failures that no answer shows reach the operator: counted and logged. */
function failureReports(metrics: Metrics, log: FastifyBaseLogger) {
  return {
    onStoreFailure: (error: Error) => {
      metrics.storeFailed()
      log.warn({ reason: error.message }, 'Redis failed')
    },
    onJobFailure: (job: string, error: unknown) => {
      metrics.jobFailed(job)
      log.warn({ job, reason: String(error) }, 'a job failed; it runs again')
    }
  }
}

/** Ready are a database that answers and a Redis that holds the whole revocation set. */
function createReadinessCheck(feed: RevocationFeed, database: Database): () => Promise<void> {
  return async () => {
    const [epoch] = await Promise.all([feed.epoch(), database.run(db => db.execute(sql`select 1`))])
    if (epoch === undefined) throw new Error('the revocation set is not rebuilt yet')
  }
}
