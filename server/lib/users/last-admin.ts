/** The refusal of a change that would leave the installation without an administrator. */

import { failure } from '../result.ts'

/** The failure of such a change. */
export const LAST_ADMIN = failure('forbidden', 'expected another enabled administrator, found only this one', {
  detail: 'This is the last administrator. Make another user an administrator first.'
})
