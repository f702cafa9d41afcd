/** Ends the sessions that a logout proves. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { endSession, isEndUnpublished } from '../../../db/queries/session-ends.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { UNPUBLISHED } from './end-sessions.ts'
import type { AccessProof, PresentedTokens, SessionsOptions } from './options.ts'

/**
 * Ends every session that a credential of the request proves, each judged by itself. Again for a session that has
 * ended, or without any credential, it succeeds too; where nothing that was presented proves a session, it does not.
 *
 * Where the ends could not be published the answer is `unavailable`, with the sessions already ended. The same request
 * again finds out whether they are published by now.
 */
export function createLogout(options: SessionsOptions) {
  return async (presented: PresentedTokens, access: AccessProof, client: Client): Promise<Result<undefined>> => {
    const sids = provenSessions(options, presented, access)
    const unpublished: string[] = []
    for (const sid of sids) if (await endByLogout(options, sid, client)) unpublished.push(sid)
    const arePublished = unpublished.length === 0 || (await options.publishEnds(unpublished))
    // Security: "could not be checked" is not "worthless": the client must not believe that this session has ended.
    if (access.kind === 'unknown') return access.failure
    if (!arePublished) return UNPUBLISHED
    return sids.length > 0 ? success(undefined) : refuseWorthless(presented, access)
  }
}

function provenSessions({ refreshTokens }: SessionsOptions, tokens: PresentedTokens, access: AccessProof): string[] {
  const presented = [tokens.body, tokens.cookie].flatMap(token => {
    const ticket = token === undefined ? undefined : refreshTokens.parse(token)
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
    const session = await endSession(db, { id: sid, reason: 'logout', now: new Date(endedMs) })
    if (session === undefined) return isEndUnpublished(db, sid)
    const person = session.userId === null ? undefined : await findUser(db, session.userId)
    const subject = { ...(person ? { person } : {}), sessionId: sid }
    await insertAuditEvent(db, audit.event({ kind: 'logged-out', client, atMs: endedMs, ...subject }))
    return true
  })
}
