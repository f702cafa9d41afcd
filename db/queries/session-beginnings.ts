/** Begins sessions: everything that a sign-in writes, in one statement. */

import { builtOnce } from '../built-once.ts'
import type { Queryable } from '../client.ts'
import { sql } from '../drizzle.ts'
import { sessions } from '../schema/index.ts'
import { type AuditEvent, auditInsert, auditValues } from './audit.ts'
import { type NewOutboxMail, outboxInsert, outboxValues } from './outbox.ts'
import type { Session } from './sessions.ts'

export type NewSession = Pick<
  Session,
  'id' | 'remembered' | 'ipAddress' | 'userAgent' | 'createdAt' | 'idleExpiresAt' | 'expiresAt'
> & { readonly userId: string }

export interface SessionBeginning {
  readonly session: NewSession
  /** The hash that the password was checked against. */
  readonly passwordHash: string
  /** The session that was presented with the request. */
  readonly presentedId: string | undefined
  readonly events: readonly AuditEvent[]
  readonly mail: NewOutboxMail | undefined
}

/**
 * Begins a session, ends the one that was presented with the request, and records it all: one statement.
 *
 * Security: only where the password is still the one that was checked and the account is not disabled. The lock on the
 * user makes this wait for a change that is under way, and makes a change wait for this: whoever changes the password
 * then finds the new session and ends it.
 *
 * @returns the ids of the sessions that ended, or `undefined` where nothing was begun
 */
export async function beginSession(db: Queryable, beginning: SessionBeginning): Promise<string[] | undefined> {
  const statement = statementFor(db, beginning.events.length, beginning.mail !== undefined)
  const rows = await statement.execute(valuesOf(beginning))
  if (rows[0]?.begun === undefined || rows[0].begun === null) return undefined
  return rows.flatMap(row => (row.ended === null ? [] : [row.ended]))
}

type Statement = ReturnType<typeof prepareStatement>

const statements = builtOnce(() => new Map<string, Statement>())

/** A sign-in has few shapes: one event, or two and a mail about the new device. */
function statementFor(db: Queryable, events: number, hasMail: boolean): Statement {
  const known = statements(db)
  const name = `begin-session-${events}${hasMail ? '-mail' : ''}`
  const statement = known.get(name) ?? prepareStatement(db, name, events, hasMail)
  known.set(name, statement)
  return statement
}

function prepareStatement(db: Queryable, name: string, events: number, hasMail: boolean) {
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
  const records = Array.from({ length: events }, (_, i) => auditInsert(eventPrefix(i), hasBegun))
  if (hasMail) records.push(outboxInsert(MAIL_PREFIX, hasBegun))
  const ended = db.$with('ended', { id: sessions.id }).as(sql`
    update sessions set ended_at = ${createdAt}, end_reason = 'replaced'
    where id = ${given('presentedId')} and ended_at is null and ${hasBegun}
    returning id`)
  return db
    .with(begun, ...records.map((record, i) => db.$with(`record_${i}`, {}).as(record)), ended)
    .select({ begun: sql<string | null>`begun.id`, ended: sql<string | null>`ended.id` })
    .from(sql`(select 1) one left join begun on true left join ended on true`)
    .prepare(name)
}

function valuesOf({ session, passwordHash, presentedId, events, mail }: SessionBeginning): Record<string, unknown> {
  return {
    ...session,
    createdAt: session.createdAt.toISOString(),
    idleExpiresAt: session.idleExpiresAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    passwordHash,
    presentedId: presentedId ?? null,
    ...Object.assign({}, ...events.map((event, i) => auditValues(eventPrefix(i), event))),
    ...(mail && outboxValues(MAIL_PREFIX, mail))
  }
}

/** Keeps the parameters of one record apart from those of the others. */
const eventPrefix = (i: number) => `event${i}.`
const MAIL_PREFIX = 'mail.'
