/** The rules of sessions, each in a file of its own, joined over one set of options. HTTP is not known here. */

import { listLiveSessions, type Session } from '../../../db/queries/sessions.ts'
import type { User } from '../../../db/queries/users.ts'
import type { Client } from '../../lib/client.ts'
import { failure, type Result, success } from '../../lib/result.ts'
import { begin } from './begin.ts'
import { endAll, endOne, logout } from './ending.ts'
import { type Credentials, login } from './login.ts'
import type {
  AccessProof,
  BegunSession,
  Presented,
  PresentedTokens,
  RefreshedSession,
  SessionsOptions
} from './options.ts'
import { refresh } from './refresh.ts'

export interface SessionsService {
  login(credentials: Credentials, presented: Presented, client: Client): Promise<Result<BegunSession>>
  /** Begins the first session of a user who has just registered. */
  begin(user: User, presented: Presented, client: Client): Promise<Result<BegunSession>>
  refresh(presented: PresentedTokens, client: Client): Promise<Result<RefreshedSession>>
  logout(presented: PresentedTokens, access: AccessProof, client: Client): Promise<Result<undefined>>
  /** Whether a refresh cookie is lost once this session has ended: it is of that session, or worthless. */
  endsWith(cookie: string, sid: string): boolean
  /** Live sessions, newest use first. */
  list(userId: string): Promise<Session[]>
  endOne(userId: string, sid: string, client: Client): Promise<Result<undefined>>
  endAll(userId: string, client: Client): Promise<Result<undefined>>
}

export function createSessionsService(options: SessionsOptions): SessionsService {
  return {
    login: (credentials, presented, client) => login(options, credentials, presented, client),
    begin: async (user, presented, client) => {
      const session = await begin(options, { user, remembered: false, presented, tellOfNewDevice: false }, client)
      return session ? success(session) : failure('session-ended', 'the account was changed before its first session')
    },
    refresh: (presented, client) => refresh(options, presented, client),
    logout: (presented, access, client) => logout(options, presented, access, client),
    endsWith: (cookie, sid) => (options.refreshTokens.parse(cookie)?.sessionId ?? sid) === sid,
    list: userId => options.database.run(db => listLiveSessions(db, userId, new Date(options.nowMs()))),
    endOne: (userId, sid, client) => endOne(options, userId, sid, client),
    endAll: (userId, client) => endAll(options, userId, client)
  }
}
