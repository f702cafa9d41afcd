/** Makes the first Redis calls of edge and origin ahead of them, with a longer deadline than theirs. */

import { quotaPolicy } from '../edge/contract/quota-policy.ts'
import { quotaKey } from '../edge/contract/redis-keys.ts'
import { quotaCall } from '../edge/limiter/quota-call.ts'
import { ONE } from '../edge/limiter/sliced-window.ts'
import { readCall } from '../edge/revocation/read-call.ts'
import { openRedis } from '../edge/store/open-redis.ts'
import { replyOf, runScripts } from '../edge/store/run-scripts.ts'

const DEADLINE_MS = 30_000

/**
 * Runs the scripts of every request once, so that the engine compiles them before a request waits for them. On a busy
 * machine the first answer takes longer than the deadline of a request.
 *
 * @throws {StoreError} if Redis cannot be reached
 */
export async function warmRedis(place: { url: string; token: string; namespace: string }): Promise<void> {
  const policy = quotaPolicy(1, 1)
  const quota = quotaCall(quotaKey('start', 'local', policy.sliceMs), policy, { ...ONE, lifeMs: 1 })
  const replies = await runScripts(openRedis({ ...place, deadlineMs: DEADLINE_MS }), [quota, readCall(undefined)])
  for (const reply of replies) replyOf(reply)
}
