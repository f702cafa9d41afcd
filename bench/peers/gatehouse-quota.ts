/** Ours, as the edge sets it up: the admission, here with one quota and without revocation. */

import { quotaPolicy } from '../../edge/contract/quota-policy.ts'
import { createAdmission, createRevocationView, openRedis } from '../../edge/index.ts'
import type { QuotaInstance } from '../lib/quota-traffic.ts'
import type { OpenQuota } from './quota.ts'

export const openGatehouseQuota: OpenQuota = (redis, { quota, windowSeconds, instances, deadlineMs }) => {
  const policy = quotaPolicy(quota, windowSeconds)
  let subject = 0
  let behind: Promise<unknown>[] = []
  const open = (): QuotaInstance => {
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
      async take() {
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
    instances: Array.from({ length: instances }, open),
    newSubject: () => {
      subject++
    },
    async settled() {
      const work = behind
      behind = []
      await Promise.all(work)
    }
  }
}
