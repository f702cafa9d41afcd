/** The shapes of mailed links and email addresses in requests and answers. */

import { Type } from '@sinclair/typebox'
import { MAX_TARGET_BYTES } from '../../../edge/contract/http.ts'
import { PRESENTED_MARK } from '../../lib/devices/presented-marks.ts'
import { PASSWORD_MAX_LENGTH } from '../../lib/passwords/password-policy.ts'

export { MarkedMessage, Message } from '../../lib/http/answer-shapes.ts'

const email = Type.String({ minLength: 3, maxLength: 254 })

/** Without a pattern, or a length limit below that of a path: an invalid token is answered like an expired one. */
export const MailedTokenParams = Type.Object({
  token: Type.String({ maxLength: MAX_TARGET_BYTES, description: 'From the fragment of the mailed link' })
})

/** The body of a request for another link. */
export const ResendVerification = Type.Object(
  { email },
  { additionalProperties: false, examples: [{ email: 'ada@example.com' }] }
)

/** The body of a change of email address. */
export const ChangeEmail = Type.Object(
  {
    password: Type.String({ minLength: 1, maxLength: PASSWORD_MAX_LENGTH }),
    email,
    deviceMark: PRESENTED_MARK,
    captchaToken: Type.Optional(Type.String({ maxLength: 2048, description: 'Only after `captcha-required`' }))
  },
  { additionalProperties: false, examples: [{ password: 'Correct-horse-7', email: 'ada@example.org' }] }
)
