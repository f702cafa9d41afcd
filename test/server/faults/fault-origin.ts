/** An origin on engines that a test takes away: it opens them itself, and so can close them. */

import { type Mailbox, openMailbox } from '../../../local/mailbox.ts'
import { loadConfig } from '../../../server/config.ts'
import { createLogger } from '../../../server/logger.ts'
import { openOrigin } from '../../../server/origin.ts'
import { call } from '../../lib/person.ts'
import type { Teardown } from '../../lib/test-engines.ts'
import { TEST_SETTINGS } from '../../lib/test-origin.ts'
import { until } from '../../lib/until.ts'
import { ROOT_SECRET } from '../http/subject.ts'

export interface FaultOrigin {
  readonly url: string
  readonly mailbox: Mailbox
  /** Milliseconds and the answer of one request. */
  timed(method: string, path: string, options?: Parameters<typeof call>[3]): Promise<Timed>
}

type Timed = Awaited<ReturnType<typeof call>> & { readonly ms: number }

/** Starts an origin on a migrated database and on a Redis endpoint that the caller closes. */
export async function openFaultOrigin(
  t: Teardown,
  engines: { readonly databaseUrl: string; readonly redis: { readonly url: string; readonly token: string } }
): Promise<FaultOrigin> {
  const mailbox = await openMailbox()
  t.teardown(() => mailbox.close())
  const config = loadConfig({
    ...TEST_SETTINGS,
    ROOT_SECRETS: ROOT_SECRET,
    DATABASE_URL: engines.databaseUrl,
    UPSTASH_REDIS_REST_URL: engines.redis.url,
    UPSTASH_REDIS_REST_TOKEN: engines.redis.token,
    SMTP_URL: mailbox.smtpUrl
  })
  const { url, close } = await openOrigin(config, createLogger('silent'))
  t.teardown(close)
  await until('the origin is ready', async () => (await fetch(`${url}/health/ready`)).ok)
  return {
    url,
    mailbox,
    async timed(method, path, options) {
      const startedMs = performance.now()
      const answer = await call(url, method, path, options)
      return { ...answer, ms: performance.now() - startedMs }
    }
  }
}
