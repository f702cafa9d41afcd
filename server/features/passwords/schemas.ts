/** What the ways to a new password look like on the wire. */

import { Type } from '@sinclair/typebox'
import { PRESENTED_MARK } from '../../lib/devices/presented-marks.ts'
import { PASSWORD_MAX_LENGTH } from '../../lib/passwords/password-policy.ts'

export { MarkedMessage, Message, NoContent } from '../../lib/http/answer-shapes.ts'

const password = Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH })

export const ForgotPassword = Type.Object(
  { email: Type.String({ minLength: 3, maxLength: 254 }) },
  { additionalProperties: false, examples: [{ email: 'ada@example.com' }] }
)

export const ResetPassword = Type.Object(
  {
    // No pattern: what is no token of ours is answered like one that has expired.
    token: Type.String({ maxLength: 512, description: 'From the fragment of the mailed link' }),
    password
  },
  {
    additionalProperties: false,
    examples: [{ token: 'paste-the-token-from-the-mailed-link', password: 'Correct-horse-7' }]
  }
)

export const ChangePassword = Type.Object(
  {
    currentPassword: password,
    newPassword: password,
    deviceMark: PRESENTED_MARK,
    captchaToken: Type.Optional(Type.String({ maxLength: 2048, description: 'Only after `captcha-required`' }))
  },
  {
    additionalProperties: false,
    examples: [{ currentPassword: 'Correct-horse-7', newPassword: 'Another-horse-8' }]
  }
)
