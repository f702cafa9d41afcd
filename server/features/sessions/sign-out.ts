/** Takes the refresh cookie of a session that has ended away from its browser, and no other. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { clearRefreshCookie } from './deliver.ts'
import { AMBIGUOUS, refreshCookie } from './presented.ts'
import type { SessionsService } from './service.ts'

/** Clears the refresh cookie after its session `sid` has ended. A cookie of another session stays. */
export function signOut(sessions: SessionsService, request: FastifyRequest, reply: FastifyReply, sid: string): void {
  const cookie = refreshCookie(request)
  if (cookie === AMBIGUOUS) return
  if (cookie === undefined || sessions.endsWith(cookie, sid)) clearRefreshCookie(reply)
}
