/** Ends sessions: the presented one, one of the list, or all of them. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { endSession, endSessionOf, endSessionsOf, isEndUnpublished } from '../../../db/queries/session-ends.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { AuditKind } from '../../audit/audit-event.ts'
import type { Client } from '../../lib/client.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import type { AccessProof, PresentedTokens, SessionsOptions } from './options.ts'

/** The session has ended, but its end is not published yet; that is retried. */
const UNPUBLISHED = failure('unavailable', 'the edges could not be told that the session has ended', {
  retryAfterSeconds: 1
})

/**
 * Ends every session that a credential of the request proves, each judged by itself. Again for a session that has
 * ended, or without any credential, it succeeds too; where nothing that was presented proves a session, it does not.
 *
 * Where the ends could not be published the answer is `unavailable`, with the sessions already ended. The same request
 * again finds out whether they are published by now.
 */
export async function logout(
  options: SessionsOptions,
  tokens: PresentedTokens,
  access: AccessProof,
  client: Client
): Promise<Result<undefined>> {
  const sids = provenSessions(options, tokens, access)
  const unpublished: string[] = []
  for (const sid of sids) if (await endByLogout(options, sid, client)) unpublished.push(sid)
  const arePublished = unpublished.length === 0 || (await options.publishEnds(unpublished))
  // Security: "could not be checked" is not "worthless": the client must not believe that this session has ended.
  if (access.kind === 'unknown') return access.failure
  if (!arePublished) return UNPUBLISHED
  return sids.length > 0 ? success(undefined) : refuseWorthless(tokens, access)
}

function provenSessions({ refreshTokens }: SessionsOptions, tokens: PresentedTokens, access: AccessProof): string[] {
  const presented = [tokens.body, tokens.cookie].flatMap(token => {
    const ticket = token === undefined ? undefined : refreshTokens.open(token)
    return ticket ? [ticket.sessionId] : []
  })
  return [...new Set(access.kind === 'session' ? [...presented, access.sessionId] : presented)]
}

/** Security: a client whose credential was garbled still has a live session, and must hear of it. */
function refuseWorthless(tokens: PresentedTokens, access: AccessProof): Result<undefined> {
  if (tokens.body !== undefined || tokens.cookie !== undefined)
    return failure('refresh-invalid', 'nothing that was presented proves a session')
  return access.kind === 'none' ? success(undefined) : failure('token-invalid', 'the access token proves no session')
}

/** @returns whether the end has yet to be published */
async function endByLogout({ database, audit, nowMs }: SessionsOptions, sid: string, client: Client): Promise<boolean> {
  const endedMs = nowMs()
  return database.transaction(async db => {
    const session = await endSession(db, sid, 'logout', new Date(endedMs))
    if (session === undefined) return isEndUnpublished(db, sid)
    const person = session.userId === null ? undefined : await findUser(db, session.userId)
    const subject = { ...(person ? { person } : {}), sessionId: sid }
    await insertAuditEvent(db, audit.event({ kind: 'logged-out', client, atMs: endedMs, ...subject }))
    return true
  })
}

/** Ends one session of a person. Another person's is not found, like an unknown one. */
export async function endOne(
  options: SessionsOptions,
  userId: string,
  sid: string,
  client: Client
): Promise<Result<undefined>> {
  const now = new Date(options.nowMs())
  const ended = await recorded(options, userId, 'session-ended', client, async db => {
    const session = await endSessionOf(db, userId, sid, 'ended', now)
    return session ? [session.id] : []
  })
  if (ended.length === 0) return failure('not-found', 'no live session of this person has that id')
  return (await options.publishEnds(ended)) ? success(undefined) : UNPUBLISHED
}

/** Ends every session of a person, the present one too. */
export async function endAll(options: SessionsOptions, userId: string, client: Client): Promise<Result<undefined>> {
  const now = new Date(options.nowMs())
  const ended = await recorded(options, userId, 'sessions-ended', client, db =>
    endSessionsOf(db, userId, undefined, 'ended', now)
  )
  return ended.length === 0 || (await options.publishEnds(ended)) ? success(undefined) : UNPUBLISHED
}

/** Ends sessions and records it together, where any has ended. */
async function recorded(
  { database, audit, nowMs }: SessionsOptions,
  userId: string,
  kind: AuditKind,
  client: Client,
  end: (db: Parameters<Parameters<SessionsOptions['database']['transaction']>[0]>[0]) => Promise<string[]>
): Promise<string[]> {
  return database.transaction(async db => {
    const ended = await end(db)
    const person = ended.length > 0 ? await findUser(db, userId) : undefined
    if (person) {
      const [sessionId] = ended.length === 1 ? ended : []
      const subject = { person, ...(sessionId ? { sessionId } : {}), details: { sessions: String(ended.length) } }
      await insertAuditEvent(db, audit.event({ kind, client, atMs: nowMs(), ...subject }))
    }
    return ended
  })
}
