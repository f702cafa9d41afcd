/** A process that only runs bcrypt. */

import { cpus } from 'node:os'
import bcrypt from 'bcrypt'
import { answerParent } from './answer-parent.ts'

/** How many comparisons are measured. */
export interface BcryptTask {
  readonly cost: number
  /** Comparisons one after the other. */
  readonly single: number
  /** Comparisons per core, on all cores at once. */
  readonly perCore: number
}

/** The times of the comparisons. */
export interface BcryptTimes {
  /** The time of each comparison, one at a time. */
  readonly singleMs: readonly number[]
  /** Comparisons a second on all cores. */
  readonly perSecondOnAllCores: number
}

// 64 characters, as the origin passes to bcrypt.
const PEPPERED = 'p'.repeat(64)

answerParent<BcryptTask>(async ({ cost, single, perCore }) => {
  const hash = await bcrypt.hash(PEPPERED, cost)
  const compare = async () => {
    if (!(await bcrypt.compare(PEPPERED, hash))) throw new Error('bcrypt did not recognise its own hash')
  }
  const singleMs: number[] = []
  for (let i = 0; i < single; i++) {
    const startedMs = performance.now()
    await compare()
    singleMs.push(performance.now() - startedMs)
  }
  const startedMs = performance.now()
  const core = async () => {
    for (let i = 0; i < perCore; i++) await compare()
  }
  await Promise.all(cpus().map(core))
  const perSecondOnAllCores = (1000 * perCore * cpus().length) / (performance.now() - startedMs)
  return { singleMs, perSecondOnAllCores } satisfies BcryptTimes
})
