/** The buckets that one instance remembers. All of them are given up where the clock was set back. */

import { createBoundedMap } from '../contract/bounded-map.ts'
import { bucketKey, type Charge } from '../limiter/charge.ts'
import { createSubjectBucket, type SubjectBucket } from './subject-bucket.ts'

export interface BucketMemory {
  /** The bucket of a charge, created for a new subject. */
  bucketOf(charge: Charge): SubjectBucket
  /** Notes the time of a request, and gives all buckets up where the clock was set back. */
  noteTime(nowMs: number): void
  /** Changes when all buckets are given up. A request then has to look its buckets up again. */
  generation(): number
}

/** Requests may read their clocks this much out of order. Spending stops as long before a lease expires. */
const MAX_DISORDER_MS = 50

/** Creates an empty memory. `onGivenUp` is called where a clock that was set back has emptied it. */
export function createBucketMemory(maxSubjects: number, onGivenUp: () => void): BucketMemory {
  let buckets = createBoundedMap<string, SubjectBucket>(maxSubjects)
  let generation = 0
  let latestMs = Number.NEGATIVE_INFINITY

  return {
    generation: () => generation,
    bucketOf(charge) {
      const key = bucketKey(charge)
      const known = buckets.get(key)
      if (known !== undefined) return known
      const bucket = createSubjectBucket(charge, key)
      buckets.set(key, bucket)
      return bucket
    },
    noteTime(nowMs) {
      if (nowMs >= latestMs - MAX_DISORDER_MS) {
        latestMs = Math.max(latestMs, nowMs)
        return
      }
      // A clock that was set back would stretch the life of every lease. Giving them up strands them.
      buckets = createBoundedMap(maxSubjects)
      generation += 1
      latestMs = nowMs
      onGivenUp()
    }
  }
}
