/** Signs a user in right after a registration, for the routes of accounts. */

import type { FastifyReply } from 'fastify'
import type { User } from '../../../db/queries/users.ts'
import { orThrow } from '../../lib/http/problem-error.ts'
import { deliverBegun } from './deliver.ts'
import { presentedAtSignIn } from './presented.ts'
import type { SessionsService } from './service.ts'

interface FirstSignInOptions {
  readonly sessions: SessionsService
  readonly nowMs: () => number
}

/** Creates the step that begins the session, sets its cookies, and returns its members of the body. */
export function createFirstSignIn({ sessions, nowMs }: FirstSignInOptions) {
  return async (user: User, reply: FastifyReply) => {
    const { request } = reply
    const session = orThrow(await sessions.beginFirst(user, presentedAtSignIn(request), request.client))
    return deliverBegun(reply, session, nowMs())
  }
}
