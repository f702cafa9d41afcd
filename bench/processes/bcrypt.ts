/** A fresh process that does nothing but bcrypt. */

import { cpus } from 'node:os'
import bcrypt from 'bcrypt'
import { answerParent } from './answer-parent.ts'

export interface BcryptTask {
  readonly cost: number
  /** How many comparisons, one after the other. */
  readonly single: number
  /** How many on each core, all cores at once. */
  readonly perCore: number
}

export interface BcryptTimes {
  /** One at a time, each. */
  readonly singleMs: readonly number[]
  /** With all cores at it. */
  readonly perSecondOnAllCores: number
}

// 64 characters, as the origin hands to bcrypt.
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
