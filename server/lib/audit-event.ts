/** Builds the rows of the audit log, so that each of them says the same things in the same places. */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { decrypt, encrypt } from './aes-gcm.ts'
import type { Client } from './client.ts'
import { createId } from './ids.ts'
import { auditKeyLabel } from './seal-labels.ts'
import type { SealedBox } from './sealed-box.ts'

/** Every kind of security event. */
export const AUDIT_KINDS = [
  'registration-requested',
  'account-created',
  'verification-resent',
  'email-verified',
  'profile-changed',
  'email-change-requested',
  'email-changed',
  'password-reset-requested',
  'password-reset',
  'password-changed',
  'password-rehashed',
  'reauthentication-failed',
  'data-exported',
  'account-deleted',
  'login-succeeded',
  'login-failed',
  'login-unverified',
  'login-blocked',
  'login-disabled',
  'account-attacked',
  'new-device',
  'logged-out',
  'session-ended',
  'sessions-ended',
  'session-evicted',
  'refresh-reused',
  'role-changed',
  'account-disabled',
  'account-enabled',
  'sessions-ended-by-admin',
  'audit-read',
  'users-listed',
  'key-rotated',
  'key-removed'
] as const

export type AuditKind = (typeof AUDIT_KINDS)[number]

/** Whom an event concerns. Where the person is known, their own key hides what is personal in it. */
export interface AuditPerson {
  readonly id: string
  readonly sealedAuditKey: Uint8Array
}

export interface AuditSubject {
  readonly person?: AuditPerson
  /** Who did it, where that is somebody else. */
  readonly actorId?: string
  readonly sessionId?: string
  readonly details?: Readonly<Record<string, string>>
}

/** What is encrypted in each row. */
export interface AuditPersonal {
  readonly ipAddress: string
  readonly userAgent: string
  readonly details: Readonly<Record<string, string>>
}

export interface AuditRows {
  /** A row for `audit_events`. */
  event(
    kind: AuditKind,
    outcome: 'success' | 'failure',
    client: Client,
    nowMs: number,
    subject?: AuditSubject
  ): AuditRow
  /** What a row says about a person; `undefined` once the person is deleted. */
  personal(
    row: Pick<AuditRow, 'id' | 'userId'> & { readonly sealedPersonal: Uint8Array },
    person: AuditPerson | undefined
  ): AuditPersonal | undefined
  /** A new person's key, sealed, for `users.sealed_audit_key`. */
  createKey(userId: string): Buffer
}

export type AuditRow = ReturnType<typeof row>

/** Builds and reads rows; the box seals the persons' keys, and what concerns no known person. */
export function createAuditRows(box: SealedBox): AuditRows {
  // By the person as it was read: an export opens thousands of events of one.
  const opened = new WeakMap<AuditPerson, KeyObject>()
  const keyOf = (person: AuditPerson) => {
    const key = opened.get(person) ?? createSecretKey(box.open(person.sealedAuditKey, auditKeyLabel(person.id)))
    opened.set(person, key)
    return key
  }
  return {
    createKey: userId => box.seal(randomBytes(32), auditKeyLabel(userId)),
    event(kind, outcome, client, nowMs, subject = {}) {
      const id = createId(nowMs)
      const { person, details = {} } = subject
      const personal: AuditPersonal = { ipAddress: client.address, userAgent: client.userAgent, details }
      const plain = Buffer.from(JSON.stringify(personal))
      const sealed =
        person === undefined ? box.seal(plain, eventLabel(id)) : encrypt(keyOf(person), plain, eventLabel(id))
      return row(id, kind, outcome, client, nowMs, subject, sealed)
    },
    personal({ id, userId, sealedPersonal }, person) {
      if (userId !== null && person === undefined) return undefined
      const plain =
        person === undefined
          ? box.open(sealedPersonal, eventLabel(id))
          : decrypt(keyOf(person), sealedPersonal, eventLabel(id))
      return JSON.parse(plain.toString()) as AuditPersonal
    }
  }
}

function row(
  id: string,
  kind: AuditKind,
  outcome: 'success' | 'failure',
  client: Client,
  nowMs: number,
  subject: AuditSubject,
  sealedPersonal: Buffer
) {
  return {
    id,
    at: new Date(nowMs),
    kind,
    outcome,
    userId: subject.person?.id ?? null,
    actorId: subject.actorId ?? null,
    sessionId: subject.sessionId ?? null,
    requestId: client.requestId,
    sealedPersonal
  }
}

function eventLabel(eventId: string): string {
  return `audit-event:${eventId}`
}
