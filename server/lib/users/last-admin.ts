/** The answer to whatever would leave nobody who can administrate. */

import { failure } from '../result.ts'

export const LAST_ADMIN = failure('forbidden', 'nobody would be left who can administrate', {
  detail: 'This is the last administrator: make somebody else one first'
})
