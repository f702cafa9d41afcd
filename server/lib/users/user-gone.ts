/** The answer to a request of a user whose account was deleted after the access token had been verified. */

import { failure } from '../result.ts'

export const USER_GONE = failure('session-ended', 'the user of the token was deleted')
