/** The shapes of password changes in requests and answers. */

import { Type } from '@sinclair/typebox'
import { PRESENTED_MARK } from '../../lib/devices/presented-marks.ts'
import { PASSWORD_MAX_LENGTH } from '../../lib/passwords/password-policy.ts'

export { MarkedMessage, Message, NoContent } from '../../lib/http/answer-shapes.ts'

const password = Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH })

/** The body of a request for a reset link. */
export const ForgotPassword = Type.Object(
  { email: Type.String({ minLength: 3, maxLength: 254 }) },
  { additionalProperties: false, examples: [{ email: 'ada@example.com' }] }
)

/** The body that sets a password by a mailed token. */
export const ResetPassword = Type.Object(
  {
    // No pattern: a malformed token gets the same answer as an expired one.
    token: Type.String({ maxLength: 512, description: 'From the fragment of the mailed link' }),
    password
  },
  {
    additionalProperties: false,
    examples: [{ token: 'paste-the-token-from-the-mailed-link', password: 'Correct-horse-7' }]
  }
)

/** The body that changes a password. */
export const ChangePassword = Type.Object(
  {
    currentPassword: password,
    newPassword: password,
    deviceMark: PRESENTED_MARK,
    captchaToken: Type.Optional(
      Type.String({ maxLength: 2048, description: 'Needed only after a `captcha-required` problem' })
    )
  },
  {
    additionalProperties: false,
    examples: [{ currentPassword: 'Correct-horse-7', newPassword: 'Another-horse-8' }]
  }
)
