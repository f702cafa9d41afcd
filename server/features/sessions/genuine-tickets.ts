/** Reads the tickets in the refresh tokens of a request. Forged tokens have none. */

import type { RefreshTicket, RefreshTokens } from '../../lib/crypto/refresh-token.ts'
import type { PresentedTokens } from './options.ts'

/** The tickets of the genuine tokens, body before cookie. */
export function genuineTickets(refreshTokens: RefreshTokens, { body, cookie }: PresentedTokens): RefreshTicket[] {
  return [body, cookie].flatMap(token => {
    const ticket = token === undefined ? undefined : refreshTokens.parse(token)
    return ticket ? [ticket] : []
  })
}
