/** Refresh tokens: session id · counter · MAC. Verified without the database, so that garbage never reaches it. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { isUuid } from '../../../edge/contract/uuid.ts'
import type { DerivedKey, DerivedKeys } from './derived-keys.ts'

/** Identifies a token of a session. The counter is the number of tokens before it. */
export interface RefreshTicket {
  readonly sessionId: string
  /** 0 to 2³² − 1. */
  readonly counter: number
}

/** 16 bytes session id, 4 bytes counter, 32 bytes HMAC-SHA-256. */
const TICKET_BYTES = 20
const TOKEN_BYTES = TICKET_BYTES + 32

/** A canonical base64url text of exactly `TOKEN_BYTES`. No other text decodes to the same bytes. */
const TOKEN_TEXT = /^[A-Za-z0-9_-]{69}[AQgw]$/

/** Makes and verifies refresh tokens. */
export interface RefreshTokens {
  /** Makes the token of a ticket. The same ticket always gives the same token. */
  mint(ticket: RefreshTicket): string
  /** The ticket of a token that we made; `undefined` for every other text. */
  parse(token: string): RefreshTicket | undefined
}

/** Creates refresh tokens under the newest key. Tokens of older keys stay valid. */
export function createRefreshTokens(keys: DerivedKeys): RefreshTokens {
  const [newest] = keys['refresh-token']
  return {
    mint({ sessionId, counter }) {
      const ticket = Buffer.alloc(TICKET_BYTES)
      ticket.write(sessionId.replaceAll('-', ''), 'hex')
      ticket.writeUInt32BE(counter, 16)
      return Buffer.concat([ticket, mac(newest, ticket)]).toString('base64url')
    },
    parse(token) {
      if (!TOKEN_TEXT.test(token)) return undefined
      const bytes = Buffer.from(token, 'base64url')
      const ticket = bytes.subarray(0, TICKET_BYTES)
      const presented = bytes.subarray(TICKET_BYTES, TOKEN_BYTES)
      if (!keys['refresh-token'].some(key => timingSafeEqual(mac(key, ticket), presented))) return undefined
      const hex = ticket.toString('hex')
      const sessionId = [8, 12, 16, 20, 32].map((end, i) => hex.slice([0, 8, 12, 16, 20][i], end)).join('-')
      return isUuid(sessionId) ? { sessionId, counter: ticket.readUInt32BE(16) } : undefined
    }
  }
}

function mac(key: DerivedKey, ticket: Buffer): Buffer {
  return createHmac('sha256', key.secret).update(ticket).digest()
}
