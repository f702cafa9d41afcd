/** The whole system for a test: every part on a port of the system's choice, all of it gone afterwards. */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openStack, type Stack } from '../../local/stack.ts'
import { EMBEDDED, type Lane } from './lanes.ts'
import { emptyDatabase, redisEndpoint, type Teardown, temporaryDir } from './test-engines.ts'
import { TEST_SETTINGS } from './test-origin.ts'

/** Starts edge, origin and mailbox on the lane's engines. Nothing of this process's environment gets in. */
export async function openTestStack(
  t: Teardown,
  settings: Readonly<Record<string, string>> = {},
  lane: Lane = EMBEDDED
): Promise<Stack & { messages(to: string): Promise<Mail[]> }> {
  const { PUBLIC_URL: _edge, PORT: _port, ...base } = TEST_SETTINGS
  const stack = await openStack({
    dataDir: join(await temporaryDir(t), 'data'),
    port: 0,
    env: { ...base, ROOT_SECRETS: randomBytes(32).toString('hex'), ...(await realEngines(t, lane)), ...settings },
    log: () => {}
  })
  t.teardown(() => stack.close())
  const messages = async (to: string) =>
    (await (await fetch(`${stack.mailbox}/messages?to=${encodeURIComponent(to)}`)).json()) as Mail[]
  return { ...stack, messages }
}

export interface Mail {
  readonly subject: string
  readonly text: string
  readonly links: readonly string[]
}

/** A real lane gets a database and a Redis database of its own; the embedded engines are the stack's own affair. */
async function realEngines(t: Teardown, lane: Lane): Promise<Record<string, string>> {
  if (lane.databaseUrl === undefined) return {}
  const redis = await redisEndpoint(t, lane, 2)
  return {
    DATABASE_URL: await emptyDatabase(t, lane),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token
  }
}
