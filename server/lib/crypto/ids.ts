/** New identifiers. */

import { randomUUID } from 'node:crypto'
import { uuidV7 } from '../../../edge/contract/uuid.ts'

/** Creates a version 7 UUID from the random numbers of the system. */
export function createId(nowMs: number): string {
  return uuidV7(nowMs, randomUUID())
}
