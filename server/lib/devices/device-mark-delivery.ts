/** How a device mark travels: in a cookie that no script can read, and in the body for non-browser clients. */

import type { IncomingHttpHeaders } from 'node:http'
import { DEVICE_COOKIE } from '../../../edge/contract/http.ts'
import { isBrowser } from '../http/browser.ts'
import { DEVICE_MARK_TTL } from './device-mark.ts'

/** What of a reply is needed. */
interface CookieReply {
  setCookie(name: string, value: string, options: typeof COOKIE): unknown
}

const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'strict', maxAge: DEVICE_MARK_TTL } as const

/** Sets the cookie, and returns the member of the body: none for a browser, whose scripts must not read the mark. */
export function deliverDeviceMark(
  request: { readonly headers: IncomingHttpHeaders },
  reply: CookieReply,
  mark: string
): { deviceMark?: string } {
  reply.setCookie(DEVICE_COOKIE, mark, COOKIE)
  return isBrowser(request.headers) ? {} : { deviceMark: mark }
}
