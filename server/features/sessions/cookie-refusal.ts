/** Explains to a page of another site why the browser keeps no refresh cookie. The browser itself gives no reason. */

import type { FastifyRequest } from 'fastify'

const REASON =
  'The browser does not keep the refresh cookie, because this page is on another site than the API and the cookie is ' +
  'SameSite=Strict. Without it the session cannot be refreshed. Serve the page from the site of the API: the same ' +
  'scheme and registrable domain. To a browser, "localhost" and "127.0.0.1" are two sites'

/** The member of a body that explains it; empty for pages of the same site (RFC 6265bis §5.7; Fetch Metadata §2.3). */
export function cookieRefusal(request: FastifyRequest): { readonly cookieRefused?: string } {
  return request.headers['sec-fetch-site'] === 'cross-site' ? { cookieRefused: REASON } : {}
}
