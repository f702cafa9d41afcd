/** Shapes of answers that several features give. */

import { Type } from '@sinclair/typebox'

/** Words for a person. */
export const Message = Type.Object(
  { message: Type.String() },
  {
    additionalProperties: false,
    description: 'Words for the person; a program looks at the status',
    examples: [{ message: 'Please open the link that we have mailed to you' }]
  }
)

/** The mark of a device that has signed in, or has opened a mailed link. */
export const DEVICE_MARK = Type.Optional(
  Type.String({
    description:
      'Only for non-browser clients; a browser gets it as an HttpOnly cookie. ' +
      'A login that presents it is not locked out while others guess the password'
  })
)

/** Words for a person whose mailbox is proven, and the mark of the device that has proven it. */
export const MarkedMessage = Type.Object(
  {
    message: Type.String(),
    deviceMark: DEVICE_MARK
  },
  {
    additionalProperties: false,
    description: 'Words for the person; a program looks at the status',
    examples: [{ message: 'Your new password is set. You can sign in with it now' }]
  }
)

/** A success that has nothing to say. */
export const NoContent = Type.Null({ description: 'Done' })

/** The members with which an answer hands over a session. */
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
    Type.String({ description: 'Only for clients that are no browser; a browser gets it as an HttpOnly cookie' })
  ),
  cookieRefused: Type.Optional(
    Type.String({ description: 'Only for a page of another site: why its browser keeps no refresh cookie' })
  )
}

/** What these members look like, for examples; neither is a token that ever was. */
export const SESSION_TOKENS_EXAMPLE = {
  accessToken: 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTk3YzFhMCJ9.c2lnbmF0dXJl',
  tokenType: 'Bearer',
  expiresIn: 900,
  refreshToken: '0197c1a0-5a44-7cc3-9a5b-3f1c2d4e5f62.1.bWFj'
}
