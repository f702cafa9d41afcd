/** The limiter of Gatehouse as the edge sets it up: its admission, with one quota and without revocation. */

import { quotaPolicy } from '../../edge/contract/quota-policy.ts'
import { createAdmission, createRevocationView, openRedis } from '../../edge/index.ts'
import type { QuotaInstance } from '../lib/quota-traffic.ts'
import type { CreateQuotaLimiter } from './quota.ts'

/** One admission per instance. */
export const createGatehouseQuota: CreateQuotaLimiter = (redis, { quota, windowSeconds, instances, deadlineMs }) => {
  const policy = quotaPolicy(quota, windowSeconds)
  let subject = 0
  let behind: Promise<unknown>[] = []
  const create = (): QuotaInstance => {
    const admission = createAdmission({
      redis: openRedis({ ...redis, ...(deadlineMs !== undefined && { deadlineMs }) }),
      view: createRevocationView({ maxAgeMs: 1_000, retentionMs: 960_000, onKeyRemoved: () => {} }),
      nowMs: () => Date.now(),
      maxSubjects: 10_000,
      fallbackShare: 0.1,
      breakerResetMs: 250,
      onStoreFailure: () => {}
    })
    return {
      async charge() {
        const charges = [{ name: 'user', policy, subject: `user-${subject}` }]
        const background = (work: Promise<unknown>) => behind.push(work)
        const conversation = admission.begin({ charges, begunAtMs: Date.now(), background })
        const waiting = conversation.ready()
        if (waiting !== undefined) await waiting
        const charged = conversation.charge('fallback')
        return { allowed: charged.ok, retryAfterMs: charged.ok ? 0 : charged.retryAfterMs }
      }
    }
  }
  return {
    instances: Array.from({ length: instances }, create),
    newSubject: () => {
      subject++
    },
    async idle() {
      const work = behind
      behind = []
      await Promise.all(work)
    }
  }
}
