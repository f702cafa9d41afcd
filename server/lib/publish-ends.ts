/** The port by which a rule publishes the sessions that it ended. `server/publish-ends-to-redis.ts` implements it. */

import { failure } from './result.ts'

/**
 * Publishes the end of these sessions to Redis, where every edge reads it; this process itself knows at once.
 *
 * Resolves with false where Redis could not take it. The revocation keeper publishes the end later.
 */
export type PublishEnds = (sids: readonly string[]) => Promise<boolean>

/** The answer after sessions have ended, if their ends could not be published yet. */
export const ENDS_UNPUBLISHED = failure('unavailable', 'the ends of the sessions could not be published to Redis', {
  retryAfterSeconds: 1
})
