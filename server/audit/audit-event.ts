/** Builds the rows of the audit log, so that each of them says the same things in the same places. */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Client } from '../lib/client.ts'
import { decrypt, encrypt } from '../lib/crypto/aes-gcm.ts'
import { createId } from '../lib/crypto/ids.ts'
import { auditKeyLabel } from '../lib/crypto/seal-labels.ts'
import type { SealedBox } from '../lib/crypto/sealed-box.ts'

/** Every kind of security event, and its outcome. */
export const AUDIT_OUTCOMES = {
  'registration-requested': 'success',
  'account-created': 'success',
  'verification-resent': 'success',
  'email-verified': 'success',
  'profile-changed': 'success',
  'email-change-requested': 'success',
  'email-change-cancelled': 'success',
  'email-changed': 'success',
  'password-reset-requested': 'success',
  'password-reset': 'success',
  'password-changed': 'success',
  'password-rehashed': 'success',
  'reauthentication-failed': 'failure',
  'data-exported': 'success',
  'account-deleted': 'success',
  'login-succeeded': 'success',
  'login-failed': 'failure',
  'login-unverified': 'failure',
  'login-blocked': 'failure',
  'login-disabled': 'failure',
  'account-attacked': 'failure',
  'new-device': 'success',
  'logged-out': 'success',
  'session-ended': 'success',
  'sessions-ended': 'success',
  'session-evicted': 'success',
  'refresh-reused': 'failure',
  'role-changed': 'success',
  'account-disabled': 'success',
  'account-enabled': 'success',
  'sessions-ended-by-admin': 'success',
  'audit-read': 'success',
  'users-listed': 'success',
  'key-rotated': 'success',
  'key-removed': 'success'
} as const satisfies Record<string, 'success' | 'failure'>

export type AuditKind = keyof typeof AUDIT_OUTCOMES

export const AUDIT_KINDS = Object.keys(AUDIT_OUTCOMES) as [AuditKind, ...AuditKind[]]

/** Whom an event concerns. Where the person is known, their own key hides what is personal in it. */
export interface AuditPerson {
  readonly id: string
  readonly sealedAuditKey: Uint8Array
}

/** An event before it is a row; `atMs` is when it happened. */
export interface AuditEventInput extends AuditSubject {
  readonly kind: AuditKind
  readonly client: Client
  readonly atMs: number
}

export interface AuditSubject {
  readonly person?: AuditPerson
  /** The administrator who did it. */
  readonly actor?: AuditPerson
  readonly sessionId?: string
  readonly details?: Readonly<Record<string, string>>
}

/** What is encrypted in each row. */
export interface AuditPersonal {
  readonly ipAddress: string
  readonly userAgent: string
  readonly details: Readonly<Record<string, string>>
}

/** Where an act came from: part of `AuditPersonal`, or the actor's own part of a row. */
export type AuditOrigin = Pick<AuditPersonal, 'ipAddress' | 'userAgent'>

type SealedRow = Pick<AuditRow, 'id' | 'userId'> & { readonly sealedPersonal: Uint8Array }
type ActedRow = Pick<AuditRow, 'id'> & { readonly sealedActor: Uint8Array | null }

export interface AuditRows {
  /** A row for `audit_events`. */
  event(event: AuditEventInput): AuditRow
  /** What a row says about a person; `undefined` once the person is deleted. */
  personal(row: SealedRow, person: AuditPerson | undefined): AuditPersonal | undefined
  /**
   * What a row says about an administrator who acted on another account; `undefined` where the row is not of that kind,
   * or once the administrator is deleted.
   */
  acting(row: ActedRow, actor: AuditPerson | undefined): AuditOrigin | undefined
  /** A new person's key, sealed, for `users.sealed_audit_key`. */
  createKey(userId: string): Buffer
}

export type AuditRow = ReturnType<typeof row>

/** Builds and reads rows; the box seals the persons' keys, and what concerns no known person. */
export function createAuditRows(box: SealedBox): AuditRows {
  // By the person as it was read: an export opens thousands of events of one.
  const opened = new WeakMap<AuditPerson, KeyObject>()
  const keyOf = (person: AuditPerson) => {
    const key = opened.get(person) ?? createSecretKey(box.unseal(person.sealedAuditKey, auditKeyLabel(person.id)))
    opened.set(person, key)
    return key
  }
  return {
    createKey: userId => box.seal(randomBytes(32), auditKeyLabel(userId)),
    event(event) {
      const { client, person, actor, details = {} } = event
      const id = createId(event.atMs)
      const origin: AuditOrigin = { ipAddress: client.address, userAgent: client.userAgent }
      // Address and device are the acting person's: under another person's key they would outlive that person.
      const other = actor !== undefined && actor.id !== person?.id ? actor : undefined
      const personal: AuditPersonal = { ...(other ? NO_ORIGIN : origin), details }
      const plain = Buffer.from(JSON.stringify(personal))
      const sealedPersonal =
        person === undefined ? box.seal(plain, eventLabel(id)) : encrypt(keyOf(person), plain, eventLabel(id))
      const sealedActor = other ? encrypt(keyOf(other), Buffer.from(JSON.stringify(origin)), actorLabel(id)) : null
      return row(id, event, { sealedPersonal, sealedActor })
    },
    personal({ id, userId, sealedPersonal }, person) {
      if (userId !== null && person === undefined) return undefined
      const plain =
        person === undefined
          ? box.unseal(sealedPersonal, eventLabel(id))
          : decrypt(keyOf(person), sealedPersonal, eventLabel(id))
      return JSON.parse(plain.toString()) as AuditPersonal
    },
    acting({ id, sealedActor }, actor) {
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
