/** Logs a client out: ends the sessions that the credentials of the request prove. */

import { insertAuditEvent } from '../../../db/queries/audit.ts'
import { endSession, isEndUnpublished } from '../../../db/queries/session-ends.ts'
import { findUser } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { ENDS_UNPUBLISHED } from '../../lib/publish-ends.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { genuineTickets } from './genuine-tickets.ts'
import type { AccessProof, PresentedTokens, SessionsOptions } from './options.ts'

/**
 * Creates the rule. It ends every session that a credential of the request proves. Each credential is judged by itself.
 * The rule succeeds again for an ended session, and without credentials. It fails if there are some and none is valid.
 *
 * If the ends could not be published, the sessions have ended and the answer is `unavailable`. The client repeats the
 * request to learn whether they are published by then.
 */
export function createLogout(options: SessionsOptions) {
  return async (presented: PresentedTokens, access: AccessProof, client: Client): Promise<Result<undefined>> => {
    const sids = provenSessions(options, presented, access)
    const unpublished: string[] = []
    for (const sid of sids) if (await endByLogout(options, sid, client)) unpublished.push(sid)
    const arePublished = unpublished.length === 0 || (await options.publishEnds(unpublished))
    // Security: a token that could not be verified may be valid. The client must not believe its session ended.
    if (access.kind === 'unknown') return access.failure
    if (!arePublished) return ENDS_UNPUBLISHED
    return sids.length > 0 ? success(undefined) : refuseInvalid(presented, access)
  }
}

function provenSessions({ refreshTokens }: SessionsOptions, tokens: PresentedTokens, access: AccessProof): string[] {
  const presented = genuineTickets(refreshTokens, tokens).map(ticket => ticket.sessionId)
  return [...new Set(access.kind === 'session' ? [...presented, access.sessionId] : presented)]
}

/** Security: a client that sent a garbled credential still has a live session, and must not believe otherwise. */
function refuseInvalid(tokens: PresentedTokens, access: AccessProof): Result<undefined> {
  if (tokens.body !== undefined || tokens.cookie !== undefined)
    return failure('refresh-invalid', 'none of the presented tokens proves a session')
  return access.kind === 'none' ? success(undefined) : failure('token-invalid', 'the access token proves no session')
}

/** @returns whether the end is still to be published */
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
