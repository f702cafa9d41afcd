/** The whole system for a test: every part on a port of the system's choice, all of it gone afterwards. */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openStack, type Stack } from '../../local/stack.ts'
import type { Lane } from './lanes.ts'
import { appRole, emptyDatabase, migratedDatabase, redisEndpoint, type Teardown, temporaryDir } from './test-engines.ts'
import { TEST_SETTINGS } from './test-origin.ts'

/**
 * Starts edge, origin and mailbox without anything of this process's environment.
 *
 * @param lane the engines. Without it the database is one of the test server, and Redis the stack's own.
 */
export async function openTestStack(
  t: Teardown,
  settings: Readonly<Record<string, string>> = {},
  lane?: Lane
): Promise<Stack & { messages(to: string): Promise<Mail[]> }> {
  const { PUBLIC_URL: _edge, PORT: _port, ...base } = TEST_SETTINGS
  const stack = await openStack({
    dataDir: join(await temporaryDir(t), 'data'),
    port: 0,
    env: { ...base, ROOT_SECRETS: randomBytes(32).toString('hex'), ...(await engines(t, lane)), ...settings },
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

/** Engines that the stack does not start itself; in the embedded lane it starts both. */
async function engines(t: Teardown, lane: Lane | undefined): Promise<Record<string, string>> {
  if (lane === undefined) {
    const owner = await migratedDatabase(t)
    return { DATABASE_URL: await appRole(t, owner), MIGRATION_DATABASE_URL: owner }
  }
  if (lane.databaseUrl === undefined) return {}
  const redis = await redisEndpoint(t, lane, 2)
  return {
    DATABASE_URL: await emptyDatabase(t, lane),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token
  }
}
