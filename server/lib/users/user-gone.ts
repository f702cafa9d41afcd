/** The answer to a request of a user whose account was deleted after the access token had been verified. */

import { failure } from '../result.ts'

/** The failure of a request whose account no longer exists. */
export const USER_GONE = failure('session-ended', 'the user of the token was deleted')
