/** The texts of the emails. `mail-layout.ts` renders them as text and HTML. */

import type { MailKind } from '../lib/mail/outbox-mail.ts'
import { layOutMail, type MailContent, type MailLink, type RenderedMail } from './mail-layout.ts'
import type { TypedText } from './typed-text.ts'

/** The kinds that are sent. The other kinds are requests, which `resolve-mail.ts` turns into one of these. */
export type SentKind = Exclude<MailKind, 'registration' | 'verification-requested' | 'reset-requested'>

/** The values that go into a text. */
export interface MailValues {
  /** Text that a user or a client has supplied; absent if the recipient may not see it. */
  readonly typed?: TypedText | undefined
  /** The base URL of the service's pages. Every link in an email begins with it. */
  readonly publicUrl: string
  /** The time of the event that the email reports. */
  readonly at?: Date
  /** The mailed token, for the kinds that carry a link. */
  readonly token?: string
  /** The expiry of the token. */
  readonly expiresAt?: Date
}

type Template = (values: MailValues) => Omit<MailContent, 'publicUrl' | 'name'>

const TEMPLATES: Readonly<Record<SentKind, Template>> = {
  'verify-email': values => ({
    subject: 'Confirm your email address',
    paragraphs: [
      'This email address was entered to register an account. If this was you, please confirm your address.'
    ],
    link: tokenLink('Confirm email address', values, 'verify-email'),
    closing: [goodUntil(values), 'If this was not you, ignore this email. Nothing happens unless the link is used.']
  }),
  'register-again': () => ({
    subject: 'Please register again',
    paragraphs: [
      'A new link to confirm this email address was requested. There is more than one registration with this address, ' +
        'and we cannot tell which one is yours. A link to the wrong one would give your account the password of ' +
        'another person.',
      'Please register again, and use the link in the email that follows.'
    ],
    closing: ['If this was not you, ignore this email. Nothing happens without a link.']
  }),
  'already-registered': values => ({
    subject: 'You already have an account',
    paragraphs: [
      'This email address was entered to register, to confirm the address again, or to use it for another account. ' +
        'It already has an account, so nothing was changed.',
      'You can sign in as usual. If you registered more than once, your password is the one from the registration that ' +
        'you confirmed. If you do not know which password that is, choose a new one.'
    ],
    link: newPasswordLink(values),
    closing: [
      'If you still cannot sign in, please contact the operator of this service.',
      'If this was not you, ignore this email.'
    ]
  }),
  'reset-password': values => ({
    subject: 'Choose a new password',
    paragraphs: ['A new password was requested for your account.'],
    link: tokenLink('Choose a new password', values, 'reset-password'),
    closing: [goodUntil(values), 'If this was not you, ignore this email. Your password stays the same.']
  }),
  'password-changed': values => ({
    subject: 'Your password was changed',
    paragraphs: [`The password of your account was changed${onDay(values)}. All other sessions were ended.`],
    ...newPassword(values)
  }),
  'change-email': values => ({
    subject: 'Confirm your new email address',
    paragraphs: [
      'This email address was entered as the new address of an account. If this was you, please confirm your address. ' +
        'Until then, the account keeps its current address.'
    ],
    link: tokenLink('Confirm new email address', values, 'verify-email'),
    closing: [goodUntil(values), 'If this was not you, ignore this email. Nothing happens unless the link is used.']
  }),
  'email-change-requested': values => ({
    subject: 'A change of your email address was requested',
    paragraphs: [
      `A change of your account’s email address was requested${onDay(values)}. It takes effect when the link that we ` +
        'sent to the new address is used. If this was you, you do not need to do anything.',
      'If this was not you, cancel the change. Another person is signed in to your account and knows your password, ' +
        `so choose a new password as well: ${values.publicUrl}/reset-password. This signs out every device.`
    ],
    link: tokenLink('Cancel the change', values, 'cancel-email-change'),
    closing: [goodUntil(values)]
  }),
  'email-changed': values => ({
    subject: 'The email address of your account was changed',
    paragraphs: [
      `The email address of your account was changed${onDay(values)}. We no longer send emails about it to this address.`
    ],
    closing: ['If this was not you, please contact the operator of this service at once.']
  }),
  'new-device': values => ({
    subject: 'A new device has signed in',
    paragraphs: [
      `Your account was used from a new device${onDay(values)}: ${values.typed?.device ?? 'an unknown device'}.`,
      'If this was you, you do not need to do anything.'
    ],
    ...newPassword(values)
  }),
  'account-attacked': () => ({
    subject: 'Failed sign-ins to your account',
    paragraphs: [
      'There were many attempts to sign in to your account with a wrong password. For a while, only devices that you have ' +
        'used before can sign in.'
    ],
    closing: ['You do not need to do anything. A long password that you use nowhere else protects you best.']
  }),
  'refresh-reused': values => ({
    subject: 'We have ended one of your sessions',
    paragraphs: [
      `One of your sessions was used from two places${onDay(values)}, which happens when a session is copied. ` +
        'We have ended it everywhere. Please sign in again.'
    ],
    ...newPassword(values)
  }),
  'account-deleted': () => ({
    subject: 'Your account was deleted',
    paragraphs: ['Your account and your personal data were deleted. This is the last email that we send you.'],
    closing: ['Thank you for using this service.']
  })
}

/**
 * Renders an email.
 *
 * @throws {Error} for a kind that carries a link, without a token
 */
export function renderMail(kind: SentKind, values: MailValues): RenderedMail {
  return layOutMail({ ...TEMPLATES[kind](values), name: values.typed?.name, publicUrl: values.publicUrl })
}

/** The token is in the fragment, which stays out of server logs. Opening the page does not use the token up. */
function tokenLink(
  label: string,
  { publicUrl, token }: MailValues,
  path: 'verify-email' | 'reset-password' | 'cancel-email-change'
): MailLink {
  if (token === undefined) throw new Error(`expected a token for the link to /${path}, found none`)
  const page = `${publicUrl}/${path}`
  return { label, url: `${page}#token=${token}`, code: { page, token } }
}

/** Without a token the page asks for the email address and sends a link to it. */
function newPasswordLink({ publicUrl }: MailValues): MailLink {
  return { label: 'Choose a new password', url: `${publicUrl}/reset-password` }
}

/** Tells the recipient how to react to an event that another person has caused. */
function newPassword(values: MailValues): Pick<MailContent, 'link' | 'closing'> {
  return {
    link: newPasswordLink(values),
    closing: ['If this was not you, choose a new password at once. This signs out every device.']
  }
}

function goodUntil({ expiresAt }: MailValues): string {
  return `The link works once${expiresAt === undefined ? '' : `, until ${dayAndTime(expiresAt)}`}.`
}

function onDay({ at }: MailValues): string {
  return at === undefined ? '' : ` on ${dayAndTime(at)}`
}

/** Created with the first email: loading the calendar would delay every start. */
let format: Intl.DateTimeFormat | undefined

function dayAndTime(time: Date): string {
  format ??= new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  return `${format.format(time)} UTC`
}
