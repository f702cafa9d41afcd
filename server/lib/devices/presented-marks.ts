/** The device marks of a request: a browser's in cookies, that of another client in the body. */

import type { IncomingHttpHeaders } from 'node:http'
import { Type } from '@sinclair/typebox'
import { DEVICE_COOKIE } from '../../../edge/contract/http.ts'
import { readCookies } from '../http/cookies.ts'

/** The member of a body that checks a password. */
export const PRESENTED_MARK = Type.Optional(
  Type.String({
    maxLength: 512,
    description: 'From an earlier sign-in, for clients that keep no cookies: by it the device is known'
  })
)

/** Each is judged by itself: a worthless one hides no genuine one. */
export function presentedMarks(headers: IncomingHttpHeaders, inBody?: string): readonly string[] {
  const marks = readCookies(headers, DEVICE_COOKIE)
  return inBody === undefined ? marks : [inBody, ...marks]
}
