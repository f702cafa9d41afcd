/** How a device mark travels: in a cookie that no script can read, and in the body for non-browser clients. */

import { DEVICE_COOKIE } from '../../edge/contract/http.ts'
import { DEVICE_MARK_TTL } from './device-mark.ts'

/** What of a request is needed. */
interface MarkedRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** What of a reply is needed. */
interface CookieReply {
  setCookie(name: string, value: string, options: typeof COOKIE): unknown
}

const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'strict', maxAge: DEVICE_MARK_TTL } as const

/** Sets the cookie, and returns the member of the body: none for a browser, whose scripts must not read the mark. */
export function deliverDeviceMark(request: MarkedRequest, reply: CookieReply, mark: string): { deviceMark?: string } {
  reply.setCookie(DEVICE_COOKIE, mark, COOKIE)
  return isBrowser(request) ? {} : { deviceMark: mark }
}

/** A page cannot leave these headers out. */
function isBrowser({ headers }: MarkedRequest): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}
