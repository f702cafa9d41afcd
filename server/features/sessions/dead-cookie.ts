/** Tells a refresh cookie that is of no use any more from that of another session. */

import type { SessionsOptions } from './options.ts'

export interface CookieOfEnded {
  readonly cookie: string
  readonly endedSessionId: string
}

/** Whether a refresh cookie is useless once a session has ended: it is of that session, or invalid. */
export function createIsDeadCookie({ refreshTokens }: SessionsOptions) {
  return ({ cookie, endedSessionId }: CookieOfEnded): boolean => {
    const ticket = refreshTokens.parse(cookie)
    return ticket === undefined || ticket.sessionId === endedSessionId
  }
}
