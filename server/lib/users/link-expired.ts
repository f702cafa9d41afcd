/** The answer to a mailed link that is unknown, used, expired or void. The client cannot tell which. */

import { failure } from '../result.ts'

/** The failure of every mailed link that cannot be used. */
export const LINK_EXPIRED = failure(
  'link-expired',
  'the mailed token is unknown, used, expired or void, or its email address is taken'
)
