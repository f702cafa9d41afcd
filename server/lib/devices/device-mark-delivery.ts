/** Delivers a device mark: in a cookie that no script can read, and in the body to non-browser clients. */

import type { IncomingHttpHeaders } from 'node:http'
import { DEVICE_COOKIE } from '../../../edge/contract/http.ts'
import { isBrowser } from '../http/browser.ts'
import { DEVICE_MARK_TTL } from './device-mark.ts'

/** The part of a reply that is used here. */
interface CookieReply {
  setCookie(name: string, value: string, options: typeof COOKIE): unknown
}

const COOKIE = { path: '/', secure: true, httpOnly: true, sameSite: 'strict', maxAge: DEVICE_MARK_TTL } as const

/** Sets the cookie, and returns the member of the body. A browser gets no member, so that no script reads the mark. */
export function deliverDeviceMark(
  request: { readonly headers: IncomingHttpHeaders },
  reply: CookieReply,
  mark: string
): { deviceMark?: string } {
  reply.setCookie(DEVICE_COOKIE, mark, COOKIE)
  return isBrowser(request.headers) ? {} : { deviceMark: mark }
}
