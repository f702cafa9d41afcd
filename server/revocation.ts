/** What this origin knows of ended sessions and removed keys, joined: reading it, and publishing what ends here. */

import type { Database } from '../db/client.ts'
import { createAdmission } from '../edge/admission/admission.ts'
import { REVOCATION_MAX_AGE_MS } from '../edge/revocation/lifetimes.ts'
import { createRevocationFeed, type RevocationFeed } from '../edge/revocation/revocation-feed.ts'
import { createRevocationView } from '../edge/revocation/revocation-view.ts'
import type { Redis } from '../edge/store/open-redis.ts'
import type { PublishEnds } from './lib/publish-ends.ts'
import { createPublishEnds } from './publish-ends-to-redis.ts'
import { createSessionStatus, type ReadSessionStatus } from './session-status.ts'

/** The engines and the reports of the revocation. */
export interface RevocationOptions {
  readonly redis: Redis
  /** Answers where Redis cannot say whether a session is live. */
  readonly database: Database
  /** Takes the note that an end was published. */
  readonly jobDatabase: Database
  /** How long an ended session or a removed key matters: the life of an access token and a margin. */
  readonly retentionMs: number
  readonly nowMs: () => number
  readonly log: { warn(fields: object, message: string): void }
  /** The view refuses the tokens of a removed key from now on: no new token may be signed with it. */
  readonly onKeyRemoved: () => void
  readonly onStoreFailure: (error: Error) => void
}

/** Revocation as requests use it. */
export interface Revocation {
  readonly feed: RevocationFeed
  readonly sessionStatus: ReadSessionStatus
  readonly publishEnds: PublishEnds
}

/** How long the circuit breaker of the revocation view stays open after Redis failed. */
const BREAKER_RESET_MS = 250

/** Creates the revocation of one origin. Quotas are the edge's: its admission remembers none. */
export function createRevocation(options: RevocationOptions): Revocation {
  const { redis, database, jobDatabase, retentionMs, nowMs, log, onKeyRemoved, onStoreFailure } = options
  const feed = createRevocationFeed(redis, retentionMs)
  const view = createRevocationView({ maxAgeMs: REVOCATION_MAX_AGE_MS, retentionMs, onKeyRemoved })
  const admission = createAdmission({
    redis,
    view,
    nowMs,
    maxSubjects: 0,
    fallbackShare: 0,
    breakerResetMs: BREAKER_RESET_MS,
    onStoreFailure
  })
  return {
    feed,
    sessionStatus: createSessionStatus({ admission, database, nowMs }),
    publishEnds: createPublishEnds({ view, feed, database: jobDatabase, nowMs, log })
  }
}
