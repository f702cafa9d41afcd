/** An origin on a socket, with a database, a Redis endpoint and a mailbox of its own; no edge in front of it. */

import { type Mailbox, openMailbox } from '../../local/mailbox.ts'
import type { RedisRest } from '../../local/redis-rest.ts'
import { type Config, loadConfig } from '../../server/config.ts'
import { createLogger } from '../../server/logger.ts'
import { type Origin, openOrigin } from '../../server/origin.ts'
import { EMBEDDED, type Lane } from './lanes.ts'
import { migratedDatabase, redisEndpoint, type Teardown } from './test-engines.ts'
import { until } from './until.ts'

/** Settings of every test: cheap hashes, no edge. */
export const TEST_SETTINGS = {
  NODE_ENV: 'test',
  PUBLIC_URL: 'http://gatehouse.test',
  PORT: '0',
  LOG_LEVEL: 'silent',
  BCRYPT_COST: '4',
  ROOT_SECRETS: 'a root secret for tests that is long enough',
  EDGE_SECRET: 'an edge secret for tests that is long enough',
  LOGIN_FAILURES_ADDRESS: '100000/600',
  LOGIN_FAILURES_ACCOUNT: '100000/900',
  LOGIN_DELAY_AFTER: '100000',
  QUOTA_REGISTER: '100000/3600',
  QUOTA_MAILED_TOKENS: '100000/3600',
  QUOTA_FORGOT_PASSWORD: '100000/3600',
  QUOTA_RESEND_VERIFICATION: '100000/3600',
  QUOTA_CHANGE_EMAIL: '100000/3600',
  QUOTA_REGISTER_MAILS: '100000/3600',
  QUOTA_NOTICES: '100000/3600'
}

export interface TestOrigin {
  readonly origin: Origin
  readonly url: string
  readonly config: Config
  readonly databaseUrl: string
  readonly redis: RedisRest
  readonly mailbox: Mailbox
  /** Starts another origin on the same engines, which ends with the test as well. */
  another(settings?: Readonly<Record<string, string>>): Promise<Origin>
}

/** Starts an origin and waits until it is ready. */
export async function openTestOrigin(
  t: Teardown,
  settings: Readonly<Record<string, string>> = {},
  lane: Lane = EMBEDDED
): Promise<TestOrigin> {
  const [databaseUrl, redis, mailbox] = await Promise.all([
    migratedDatabase(t, lane),
    redisEndpoint(t, lane),
    openMailbox()
  ])
  t.teardown(() => mailbox.close())
  const env = {
    ...TEST_SETTINGS,
    DATABASE_URL: databaseUrl,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    SMTP_URL: mailbox.smtpUrl,
    ...settings
  }
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const origin = await openOrigin(loadConfig({ ...env, ...more }), createLogger('silent'))
    t.teardown(() => origin.close())
    await until('the origin is ready', async () => (await fetch(`${origin.url}/health/ready`)).ok)
    return origin
  }
  const origin = await start()
  return { origin, url: origin.url, config: loadConfig(env), databaseUrl, redis, mailbox, another: start }
}
