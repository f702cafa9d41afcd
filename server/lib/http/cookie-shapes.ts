/** The cookies that routes read and set, as schemas for the OpenAPI document. Fastify itself validates no cookies. */

import { type TSchema, Type } from '@sinclair/typebox'
import { DEVICE_COOKIE, REFRESH_COOKIE } from '../../../edge/contract/http.ts'

type Cookie = typeof DEVICE_COOKIE | typeof REFRESH_COOKIE

const DESCRIPTIONS: Readonly<Record<Cookie, string>> = {
  [REFRESH_COOKIE]: 'The refresh token of a browser. No script can read or send it.',
  [DEVICE_COOKIE]: 'The mark of a browser that has signed in before. No script can read or send it.'
}

/** For `schema.cookies`: the cookies that a route reads, each of which the client may leave out. */
export function readsCookies(...cookies: readonly Cookie[]) {
  return Type.Object(
    Object.fromEntries(
      cookies.map(cookie => [cookie, Type.Optional(Type.String({ maxLength: 512, description: DESCRIPTIONS[cookie] }))])
    )
  )
}

/** The schema of an answer that sets these cookies. */
export function setsCookies<T extends TSchema>(answer: T, ...cookies: readonly Cookie[]): T {
  return withSetCookie(answer, `Sets ${cookies.map(cookie => `\`${cookie}\``).join(' and ')}`, `${cookies[0]}=…`)
}

/** The schema of an answer that deletes the refresh cookie. */
export function clearsRefreshCookie<T extends TSchema>(answer: T): T {
  return withSetCookie(answer, `Deletes \`${REFRESH_COOKIE}\``, `${REFRESH_COOKIE}=; Max-Age=0`)
}

function withSetCookie<T extends TSchema>(answer: T, description: string, value: string): T {
  const example = `${value}; Path=/; HttpOnly; Secure; SameSite=Strict`
  // @fastify/swagger reads the headers of an answer from a member of its schema.
  return { ...answer, headers: { 'Set-Cookie': { type: 'string', description, examples: [example] } } }
}
