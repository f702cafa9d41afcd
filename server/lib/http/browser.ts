/** Tells browsers from other clients. */

import type { IncomingHttpHeaders } from 'node:http'

/** The fetch metadata and the origin are headers that no page can leave out. */
export function isBrowser(headers: IncomingHttpHeaders): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}
