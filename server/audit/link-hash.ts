/** The hash of a link of the audit chain, defined to the byte. This page and SHA-256 suffice to check the log. */

import { createHash } from 'node:crypto'

/** The hashed columns of an event: all that its row has. */
export interface ChainedEvent {
  readonly id: string
  readonly at: Date
  readonly kind: string
  readonly outcome: string
  readonly userId: string | null
  readonly actorId: string | null
  readonly sessionId: string | null
  readonly requestId: string | null
  readonly sealedPersonal: Uint8Array
  /** Added to the table after the other columns. */
  readonly sealedActor: Uint8Array | null
}

/** The "previous hash" of the first link: 32 zero bytes. */
export const FIRST_PREVIOUS_HASH = new Uint8Array(32)

/** `SHA-256(previous hash || canonical bytes of the event)`. */
export function linkHash(previousHash: Uint8Array, event: ChainedEvent): Buffer {
  return createHash('sha256').update(previousHash).update(canonicalBytes(event)).digest()
}

/**
 * The columns in the order of the table: id, at, kind, outcome, user_id, actor_id, session_id, request_id,
 * sealed_personal. Each is its length in bytes (32 bits, big-endian) and its bytes: text in UTF-8, a UUID as its
 * 36 lower-case characters, a time as RFC 3339 in UTC with milliseconds. Null is the length 0xFFFFFFFF and no bytes.
 *
 * sealed_actor follows only where it is not null. The column was added later, and the hashes of events without it must
 * not change.
 *
 * The lengths in front make the encoding injective: two different rows never have the same bytes.
 */
export function canonicalBytes(event: ChainedEvent): Buffer {
  const { id, at, kind, outcome, userId, actorId, sessionId, requestId, sealedPersonal, sealedActor } = event
  const columns = [id, at.toISOString(), kind, outcome, userId, actorId, sessionId, requestId, sealedPersonal]
  return Buffer.concat([...columns, ...(sealedActor === null ? [] : [sealedActor])].flatMap(lengthPrefixed))
}

const NULL_LENGTH = 0xffff_ffff

function lengthPrefixed(column: string | Uint8Array | null): Uint8Array[] {
  const bytes = column === null ? Buffer.alloc(0) : Buffer.from(column)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(column === null ? NULL_LENGTH : bytes.length)
  return [length, bytes]
}
