/** What the account routes need of sessions. The two features do not import each other; this file joins them. */

import type { FastifyInstance } from 'fastify'
import type { AccountRoutesOptions } from './features/accounts/routes.ts'
import { deliverBegun } from './features/sessions/deliver.ts'
import { presentedAtSignIn } from './features/sessions/presented.ts'
import type { SessionsService } from './features/sessions/service.ts'
import { signOut } from './features/sessions/sign-out.ts'
import { orThrow } from './lib/http/problem-error.ts'

/** Creates the ports that sign a new user in after a registration, and out after a deletion. */
export function createSignInPorts(
  app: FastifyInstance,
  sessions: SessionsService,
  nowMs: () => number
): Pick<AccountRoutesOptions, 'signIn' | 'signOut'> {
  return {
    signIn: request => {
      const presented = presentedAtSignIn(request)
      return async (user, reply) => {
        const session = orThrow(await sessions.begin(user, presented, request.client))
        return deliverBegun(app, request, reply, session, nowMs())
      }
    },
    signOut: (request, reply, sid) => signOut(sessions, request, reply, sid)
  }
}
