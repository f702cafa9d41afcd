/** The device marks of a request: in cookies from a browser, in the body from other clients. */

import type { IncomingHttpHeaders } from 'node:http'
import { Type } from '@sinclair/typebox'
import { DEVICE_COOKIE } from '../../../edge/contract/http.ts'
import { readCookies } from '../http/cookies.ts'

/** The member of the request bodies that hold a password. */
export const PRESENTED_MARK = Type.Optional(
  Type.String({
    maxLength: 512,
    description: 'From an earlier sign-in, for clients that keep no cookies. It identifies the device'
  })
)

/** The marks of a request. Each is checked by itself, so an invalid mark hides no genuine one. */
export function presentedMarks(headers: IncomingHttpHeaders, inBody?: string): readonly string[] {
  const marks = readCookies(headers, DEVICE_COOKIE)
  return inBody === undefined ? marks : [inBody, ...marks]
}
