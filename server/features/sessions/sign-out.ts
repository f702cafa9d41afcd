/** Takes the refresh cookie of a session that has ended away from its browser, and no other. */

import type { FastifyReply } from 'fastify'
import { clearRefreshCookie } from './deliver.ts'
import { AMBIGUOUS, refreshCookie } from './presented.ts'
import type { SessionsService } from './service.ts'

/** Clears the refresh cookie after its session has ended. A cookie of another session stays. */
export function createSignOut({ isDeadCookie }: Pick<SessionsService, 'isDeadCookie'>) {
  return (reply: FastifyReply, endedSessionId: string): void => {
    const cookie = refreshCookie(reply.request)
    if (cookie === AMBIGUOUS) return
    if (cookie === undefined || isDeadCookie({ cookie, endedSessionId })) clearRefreshCookie(reply)
  }
}
