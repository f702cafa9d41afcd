/** Tells browsers from other clients. */

import type { IncomingHttpHeaders } from 'node:http'

/** Whether a request comes from a browser: no page can leave out its origin and the fetch metadata. */
export function isBrowser(headers: IncomingHttpHeaders): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}
