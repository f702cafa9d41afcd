/** Shapes of answers that several features give. */

import { Type } from '@sinclair/typebox'

/** A message for the user. */
export const Message = Type.Object(
  { message: Type.String() },
  {
    additionalProperties: false,
    description: 'A message for the user. Programs read the status',
    examples: [{ message: 'Please open the link that we have emailed to you' }]
  }
)

/** The mark of a device that signed in or opened a mailed link. */
export const DEVICE_MARK = Type.Optional(
  Type.String({
    description:
      'Non-browser clients only; a browser receives it in an HttpOnly cookie. ' +
      'A login that presents it is not locked out while an attacker guesses the password'
  })
)

/** A message after a mailed link was used, and the mark of the device that used it. */
export const MarkedMessage = Type.Object(
  {
    message: Type.String(),
    deviceMark: DEVICE_MARK
  },
  {
    additionalProperties: false,
    description: 'A message for the user. Programs read the status',
    examples: [{ message: 'Your new password is set. You can sign in with it now' }]
  }
)

/** A success without a body. */
export const NoContent = Type.Null({ description: 'Done' })

/** The members of an answer that carry the tokens of a session. */
export const SESSION_TOKENS = {
  accessToken: Type.String({ description: 'For `Authorization: Bearer`; RFC 9068' }),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({
    format: 'int32',
    minimum: 1,
    maximum: 2_147_483_647,
    description: 'Seconds until the access token expires'
  }),
  refreshToken: Type.Optional(
    Type.String({ description: 'Non-browser clients only; a browser receives it in an HttpOnly cookie' })
  ),
  cookieRefused: Type.Optional(
    Type.String({ description: 'For a page of another site only: why its browser keeps no refresh cookie' })
  )
}

/** These members for examples. Neither token was ever issued. */
export const SESSION_TOKENS_EXAMPLE = {
  accessToken: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTk3YzFhMCJ9.c2lnbmF0dXJl',
  tokenType: 'Bearer',
  expiresIn: 900,
  refreshToken: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f62.1.bWFj'
}
