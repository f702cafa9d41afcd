/** `gatehouse keys …` as an operator runs it, on the engines of a test. */

import { runCommand } from '../../server/cli/run-command.ts'
import { appRole, type Teardown } from './test-engines.ts'
import type { TestOrigin } from './test-origin.ts'

/** Creates the command, which returns its exit code. */
export async function createKeysCommand(
  t: Teardown,
  { databaseUrl, config, redis }: Pick<TestOrigin, 'databaseUrl' | 'config' | 'redis'>
): Promise<(...args: string[]) => Promise<number>> {
  const env = {
    DATABASE_URL: await appRole(t, databaseUrl),
    ROOT_SECRETS: config.rootSecrets.join(','),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token
  }
  return (...args) => runCommand(['keys', ...args], env, { out: () => {}, err: () => {} })
}

/** The id of the key that signed a token. */
export function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8')).kid
}
