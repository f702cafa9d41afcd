/** New identifiers. */

import { randomUUID } from 'node:crypto'
import { uuidV7 } from '../../../edge/contract/uuid.ts'

/** A version 7 UUID; the random part comes from the system. */
export function createId(nowMs: number): string {
  return uuidV7(nowMs, randomUUID())
}
