/** What the mails say. Links lead to the public URL and nowhere else; how a mail looks is `letter.ts`. */

import type { MailKind } from '../lib/mail/outbox-mail.ts'
import { layOutMail, type MailContent, type MailLink, type RenderedMail } from './mail-layout.ts'
import type { TypedText } from './typed-text.ts'

/** What a mail can turn out to be once it is sent. */
export type SentKind = Exclude<MailKind, 'registration' | 'verification-requested' | 'reset-requested'>

export interface MailValues {
  /** What persons or programs have typed; absent where the recipient may not see it. */
  readonly typed?: TypedText | undefined
  /** Under which people reach the service; links point there and nowhere else. */
  readonly publicUrl: string
  /** When what the mail is about has happened. */
  readonly at?: Date
  /** The mailed token, for the kinds that carry a link, and until when it is good. */
  readonly token?: string
  readonly expiresAt?: Date
}

type Template = (values: MailValues) => Omit<MailContent, 'publicUrl' | 'name'>

const TEMPLATES: Readonly<Record<SentKind, Template>> = {
  'verify-email': values => ({
    subject: 'Please confirm your address',
    paragraphs: ['Somebody, hopefully you, has registered with this address. Please confirm that it is yours.'],
    link: tokenLink('Confirm my address', values, 'verify-email'),
    closing: [goodUntil(values), 'If this was not you, do nothing: without the link nothing happens.']
  }),
  'register-again': () => ({
    subject: 'Please register once more',
    paragraphs: [
      'Somebody, hopefully you, has asked for a new link to confirm this address. There is more than one registration ' +
        'with it, and we cannot know which one is yours: a link to the wrong one would put somebody else’s password on ' +
        'your account.',
      'Please register once more and open the link that arrives right after it.'
    ],
    closing: ['If this was not you, do nothing: without a link nothing happens.']
  }),
  'already-registered': values => ({
    subject: 'You already have an account',
    paragraphs: [
      'Somebody, perhaps you, has tried to register this address, to confirm it once more, or to use it for another ' +
        'account. It already has an account, so nothing was changed.',
      'You can sign in as usual. If you have registered more than once, your password is the one of the registration ' +
        'whose link you have opened. If you do not know which one that is, choose a new password.'
    ],
    link: newPasswordLink(values),
    closing: [
      'If you still cannot sign in, please ask the people who run the service.',
      'If this was not you, there is nothing to do.'
    ]
  }),
  'reset-password': values => ({
    subject: 'Choose a new password',
    paragraphs: ['Somebody, hopefully you, has asked for a new password for your account.'],
    link: tokenLink('Choose a new password', values, 'reset-password'),
    closing: [goodUntil(values), 'If this was not you, do nothing: your password stays as it is.']
  }),
  'password-changed': values => ({
    subject: 'Your password was changed',
    paragraphs: [`The password of your account was changed${onDay(values)}. Every other sign-in has ended.`],
    ...newPassword(values)
  }),
  'change-email': values => ({
    subject: 'Please confirm your new address',
    paragraphs: [
      'Somebody, hopefully you, wants to use this address for an account. Please confirm that it is yours; ' +
        'until then the account keeps its old one.'
    ],
    link: tokenLink('Confirm my new address', values, 'verify-email'),
    closing: [goodUntil(values), 'If this was not you, do nothing: without the link nothing happens.']
  }),
  'email-change-requested': values => ({
    subject: 'A change of your email address was requested',
    paragraphs: [
      `Another email address was requested for your account${onDay(values)}. The change takes effect when the link that ` +
        'we have mailed to the new address is opened. If this was you, there is nothing to do.',
      'If this was not you, cancel the change. The person who requested it is signed in to your account and knows your ' +
        `password, so choose a new one as well: ${values.publicUrl}/reset-password. That signs out every device.`
    ],
    link: tokenLink('Cancel the change', values, 'cancel-email-change'),
    closing: [goodUntil(values)]
  }),
  'email-changed': values => ({
    subject: 'The address of your account was changed',
    paragraphs: [`Your account uses another mail address${onDay(values, 'since')}. This one is no longer known to us.`],
    closing: ['If this was not you, please tell the people who run the service at once.']
  }),
  'new-device': values => ({
    subject: 'A new device has signed in',
    paragraphs: [
      `Your account was used from a device that we have not seen before${onDay(values)}: ${values.typed?.device ?? 'an unknown device'}.`,
      'If this was you, there is nothing to do.'
    ],
    ...newPassword(values)
  }),
  'account-attacked': () => ({
    subject: 'Somebody is guessing your password',
    paragraphs: [
      'There were many wrong passwords for your account. For a while only devices that you have used before can sign in.'
    ],
    closing: ['There is nothing that you have to do. A long password that you use nowhere else protects you best.']
  }),
  'refresh-reused': values => ({
    subject: 'We have ended one of your sessions',
    paragraphs: [
      `A sign-in of yours was used from two places${onDay(values)}, as happens when it was copied. ` +
        'We have ended that session everywhere. Please sign in again.'
    ],
    ...newPassword(values)
  }),
  'account-deleted': () => ({
    subject: 'Your account is deleted',
    paragraphs: ['Your account and everything about you is deleted. This is the last mail that we send you.'],
    closing: ['Thank you for having been with us.']
  })
}

/** Renders a mail. */
export function renderMail(kind: SentKind, values: MailValues): RenderedMail {
  return layOutMail({ ...TEMPLATES[kind](values), name: values.typed?.name, publicUrl: values.publicUrl })
}

/** The token is in the fragment: it is in no server's log, and opening the page uses nothing up. */
function tokenLink(
  label: string,
  { publicUrl, token }: MailValues,
  path: 'verify-email' | 'reset-password' | 'cancel-email-change'
): MailLink {
  if (token === undefined) throw new Error(`a mail with a link to /${path} was rendered without its token`)
  const page = `${publicUrl}/${path}`
  return { label, url: `${page}#token=${token}`, code: { page, token } }
}

/** Without a token, the page asks for the address and mails a link. */
function newPasswordLink({ publicUrl }: MailValues): MailLink {
  return { label: 'Choose a new password', url: `${publicUrl}/reset-password` }
}

/** What to do about something that was not oneself. */
function newPassword(values: MailValues): Pick<MailContent, 'link' | 'closing'> {
  return {
    link: newPasswordLink(values),
    closing: ['If this was not you, choose a new password at once: that signs out every device.']
  }
}

function goodUntil({ expiresAt }: MailValues): string {
  return `The link works once${expiresAt === undefined ? '' : `, until ${dayAndTime(expiresAt)}`}.`
}

function onDay({ at }: MailValues, preposition: 'on' | 'since' = 'on'): string {
  return at === undefined ? '' : ` ${preposition} ${dayAndTime(at)}`
}

/** Made for the first mail: loading the calendar would delay every start. */
let format: Intl.DateTimeFormat | undefined

function dayAndTime(time: Date): string {
  format ??= new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  return `${format.format(time)} UTC`
}
