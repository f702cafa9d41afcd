/** Deletes the refresh cookie of an ended session from its browser. */

import type { FastifyReply } from 'fastify'
import { clearRefreshCookie } from './deliver.ts'
import { AMBIGUOUS, refreshCookie } from './presented.ts'
import type { SessionsService } from './service.ts'

/** Creates the step that deletes the cookie. The cookie of another session stays. */
export function createClearEndedCookie({ isDeadCookie }: Pick<SessionsService, 'isDeadCookie'>) {
  return (reply: FastifyReply, endedSessionId: string): void => {
    const cookie = refreshCookie(reply.request)
    if (cookie === AMBIGUOUS) return
    if (cookie === undefined || isDeadCookie({ cookie, endedSessionId })) clearRefreshCookie(reply)
  }
}
