/** Begins sessions. One statement writes everything that belongs to a sign-in. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { sql } from '../drizzle.ts'
import { sessions } from '../schema/index.ts'
import { type AuditEvent, auditInsert, auditValues } from './audit.ts'
import { type NewOutboxMail, outboxInsert, outboxValues } from './outbox.ts'
import type { Session } from './sessions.ts'

/** A session to begin. */
export type NewSession = Pick<
  Session,
  'id' | 'remembered' | 'ipAddress' | 'userAgent' | 'createdAt' | 'idleExpiresAt' | 'expiresAt'
> & { readonly userId: string }

interface SessionBeginning {
  readonly session: NewSession
  /** The hash that has verified the password. */
  readonly passwordHash: string
  /** The session that was presented with the request. */
  readonly presentedId: string | undefined
  readonly event: AuditEvent
  readonly device: SignInDevice
}

/** The device of a sign-in. It is noted, and noted again after `KNOWN_DEVICE_DAYS`. */
interface SignInDevice {
  readonly fingerprint: Uint8Array
  /** The event and the email, written only if the device was not noted before. */
  readonly notice: { readonly event: AuditEvent; readonly mail: NewOutboxMail } | undefined
}

/** The days within which a device causes only one notice. */
export const KNOWN_DEVICE_DAYS = 30

/**
 * Begins a session, ends the one that was presented with the request, and records both, in one statement.
 *
 * Security: nothing is written if the password has changed since it was verified, or the account is disabled. The lock
 * on the user makes this statement and a change of the user wait for each other. A change of password then finds the
 * new session and ends it.
 *
 * @returns the ids of the sessions that ended, or `undefined` if no session was begun
 */
export async function beginSession(db: Queryable, beginning: SessionBeginning): Promise<string[] | undefined> {
  const statement = statementFor(db, beginning.device.notice !== undefined)
  const rows = await statement.execute(valuesOf(beginning))
  if (rows[0]?.begun === undefined || rows[0].begun === null) return undefined
  return rows.flatMap(row => (row.ended === null ? [] : [row.ended]))
}

type Statement = ReturnType<typeof prepareStatement>

const statements = builtOnce(() => new Map<boolean, Statement>())

/** A sign-in has two statements: with and without a notice of its device. */
function statementFor(db: Queryable, hasNotice: boolean): Statement {
  const known = statements(db)
  const statement = known.get(hasNotice) ?? prepareStatement(db, hasNotice)
  known.set(hasNotice, statement)
  return statement
}

function prepareStatement(db: Queryable, hasNotice: boolean) {
  const given = sql.placeholder
  const createdAt = sql`${given('createdAt')}::timestamptz`
  const begun = db.$with('begun', { id: sessions.id }).as(sql`
    insert into sessions (id, user_id, remembered, ip_address, user_agent, created_at, last_used_at, idle_expires_at, expires_at)
    select ${given('id')}::uuid, u.id, ${given('remembered')}::boolean, ${given('ipAddress')}::text,
      ${given('userAgent')}::text, ${createdAt}, ${createdAt}, ${given('idleExpiresAt')}::timestamptz,
      ${given('expiresAt')}::timestamptz
    from users u where u.id = ${given('userId')} and u.password_hash = ${given('passwordHash')} and u.disabled_at is null
    for share of u
    returning id`)
  const hasBegun = sql`exists (select 1 from begun)`
  const noted = db.$with('noted', { id: sessions.id }).as(sql`
    insert into known_devices as known (user_id, fingerprint, noted_at)
    select ${given('userId')}::uuid, ${given('fingerprint')}::bytea, ${createdAt} where ${hasBegun}
    on conflict (user_id, fingerprint) do update set noted_at = excluded.noted_at
    where known.noted_at < ${createdAt} - make_interval(days => ${sql.raw(String(KNOWN_DEVICE_DAYS))})
    returning user_id as id`)
  const isNew = sql`exists (select 1 from noted)`
  const records = [auditInsert(EVENT, hasBegun)]
  if (hasNotice) records.push(auditInsert(NOTICE_EVENT, isNew), outboxInsert(NOTICE_MAIL, isNew))
  const ended = db.$with('ended', { id: sessions.id }).as(sql`
    update sessions set ended_at = ${createdAt}, end_reason = 'replaced'
    where id = ${given('presentedId')} and ended_at is null and ${hasBegun}
    returning id`)
  return db
    .with(begun, noted, ...records.map((record, i) => db.$with(`record_${i}`, {}).as(record)), ended)
    .select({ begun: sql<string | null>`begun.id`, ended: sql<string | null>`ended.id` })
    .from(sql`(select 1) one left join begun on true left join ended on true`)
    .prepare(hasNotice ? 'begin-session-notice' : 'begin-session')
}

function valuesOf({ session, passwordHash, presentedId, event, device }: SessionBeginning): Record<string, unknown> {
  const { notice } = device
  return {
    ...session,
    createdAt: session.createdAt.toISOString(),
    idleExpiresAt: session.idleExpiresAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    passwordHash,
    presentedId: presentedId ?? null,
    fingerprint: Buffer.from(device.fingerprint),
    ...auditValues(EVENT, event),
    ...(notice && { ...auditValues(NOTICE_EVENT, notice.event), ...outboxValues(NOTICE_MAIL, notice.mail) })
  }
}

/** Prefixes that keep the parameters of the records apart. */
const EVENT = 'event.'
const NOTICE_EVENT = 'notice-event.'
const NOTICE_MAIL = 'notice-mail.'
