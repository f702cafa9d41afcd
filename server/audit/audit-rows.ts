/** Builds the rows of the audit log, personal data encrypted, and decrypts it again. The hash chain is beside it. */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Client } from '../lib/client.ts'
import { decrypt, encrypt } from '../lib/crypto/aes-gcm.ts'
import { createId } from '../lib/crypto/ids.ts'
import { auditKeyLabel } from '../lib/crypto/seal-labels.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'
import { AUDIT_OUTCOMES, type AuditKind } from './audit-kinds.ts'

/** A user in an event: the one concerned, or the acting administrator. The user's key encrypts the personal data. */
export interface AuditPerson {
  readonly id: string
  readonly sealedAuditKey: Uint8Array
}

/** An event before it is a row. */
interface AuditEventInput {
  readonly kind: AuditKind
  readonly client: Client
  /** The time of the event. */
  readonly atMs: number
  /** The user concerned, if known. */
  readonly person?: AuditPerson
  /** The acting administrator, if it was one. */
  readonly actor?: AuditPerson
  readonly sessionId?: string
  readonly details?: Readonly<Record<string, string>>
}

/** The encrypted part of a row. */
export interface AuditPersonal {
  readonly ipAddress: string
  readonly userAgent: string
  readonly details: Readonly<Record<string, string>>
}

/** Address and device of a request: part of `AuditPersonal`, or the actor's own part of a row. */
type AuditOrigin = Pick<AuditPersonal, 'ipAddress' | 'userAgent'>

type SealedRow = Pick<AuditRow, 'id' | 'userId'> & { readonly sealedPersonal: Uint8Array }
type ActedRow = Pick<AuditRow, 'id'> & { readonly sealedActor: Uint8Array | null }

/** Builds and decrypts rows. */
export interface AuditRows {
  /** Builds a row for `audit_events`. */
  event(event: AuditEventInput): AuditRow
  /** Decrypts the personal part of a row; `undefined` once the user concerned is deleted. */
  unsealPersonal(row: SealedRow, person: AuditPerson | undefined): AuditPersonal | undefined
  /**
   * Decrypts address and device of an administrator that acted on another account; `undefined` if the row has no such
   * part, or once the administrator is deleted.
   */
  unsealOrigin(row: ActedRow, actor: AuditPerson | undefined): AuditOrigin | undefined
  /** Creates the key of a new user, sealed, for `users.sealed_audit_key`. */
  createKey(userId: string): Buffer
}

/** A row of `audit_events`. */
export type AuditRow = ReturnType<typeof row>

/** Creates it over a box, which seals the keys of users, and the events without a known user. */
export function createAuditRows(box: SealedBox): AuditRows {
  // Kept by the user object as it was read: an export decrypts thousands of events with one key.
  const unsealedKeys = new WeakMap<AuditPerson, KeyObject>()
  const keyOf = (person: AuditPerson) => {
    const key = unsealedKeys.get(person) ?? createSecretKey(box.unseal(person.sealedAuditKey, auditKeyLabel(person.id)))
    unsealedKeys.set(person, key)
    return key
  }
  return {
    createKey: userId => box.seal(randomBytes(32), auditKeyLabel(userId)),
    event(event) {
      const { client, person, actor, details = {} } = event
      const id = createId(event.atMs)
      const origin: AuditOrigin = { ipAddress: client.address, userAgent: client.userAgent }
      // Security: address and device belong to the actor. Under the key of another user they would outlive the actor.
      const other = actor !== undefined && actor.id !== person?.id ? actor : undefined
      const personal: AuditPersonal = { ...(other ? NO_ORIGIN : origin), details }
      const plain = Buffer.from(JSON.stringify(personal))
      const sealedPersonal =
        person === undefined ? box.seal(plain, eventLabel(id)) : encrypt(keyOf(person), plain, eventLabel(id))
      const sealedActor = other ? encrypt(keyOf(other), Buffer.from(JSON.stringify(origin)), actorLabel(id)) : null
      return row(id, event, { sealedPersonal, sealedActor })
    },
    unsealPersonal({ id, userId, sealedPersonal }, person) {
      if (userId !== null && person === undefined) return undefined
      const plain =
        person === undefined
          ? box.unseal(sealedPersonal, eventLabel(id))
          : decrypt(keyOf(person), sealedPersonal, eventLabel(id))
      return JSON.parse(plain.toString()) as AuditPersonal
    },
    unsealOrigin({ id, sealedActor }, actor) {
      if (sealedActor === null || actor === undefined) return undefined
      return JSON.parse(decrypt(keyOf(actor), sealedActor, actorLabel(id)).toString()) as AuditOrigin
    }
  }
}

function row(
  id: string,
  { kind, client, atMs, person, actor, sessionId }: AuditEventInput,
  sealed: { readonly sealedPersonal: Buffer; readonly sealedActor: Buffer | null }
) {
  return {
    id,
    at: new Date(atMs),
    kind,
    outcome: AUDIT_OUTCOMES[kind],
    userId: person?.id ?? null,
    actorId: actor?.id ?? null,
    sessionId: sessionId ?? null,
    requestId: client.requestId,
    ...sealed
  }
}

const NO_ORIGIN: AuditOrigin = { ipAddress: '', userAgent: '' }

function eventLabel(eventId: string): string {
  return `audit-event:${eventId}`
}

function actorLabel(eventId: string): string {
  return `audit-actor:${eventId}`
}
