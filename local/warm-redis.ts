/** Asks Redis for the first time what edge and origin will ask, with the patience that they do not have. */

import { quotaPolicy } from '../edge/contract/quota-policy.ts'
import { quotaKey } from '../edge/contract/redis-keys.ts'
import { quotaCall } from '../edge/limiter/quota-call.ts'
import { ONE } from '../edge/limiter/sliced-window.ts'
import { readCall } from '../edge/revocation/read-call.ts'
import { openRedis } from '../edge/store/open-redis.ts'
import { replyOf, runScripts } from '../edge/store/run-scripts.ts'

const DEADLINE_MS = 30_000

/**
 * Runs the scripts of every request once. The engine compiles them, and the endpoint its own code, while nothing waits for
 * it: on a busy machine the first answer takes longer than a request may wait.
 *
 * @throws {StoreError} where Redis cannot be asked
 */
export async function warmRedis(place: { url: string; token: string; namespace: string }): Promise<void> {
  const policy = quotaPolicy(1, 1)
  const quota = quotaCall(quotaKey('start', 'local', policy.sliceMs), policy, { ...ONE, lifeMs: 1 })
  const replies = await runScripts(openRedis({ ...place, deadlineMs: DEADLINE_MS }), [quota, readCall(undefined)])
  for (const reply of replies) replyOf(reply)
}
