/** The mails as text and HTML. Short, without images or tracking; every value of a person's is escaped. */

import type { MailKind } from '../lib/outbox-mail.ts'

export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface MailValues {
  /** As the person gave it; hostile until escaped. */
  readonly name: string
  /** Under which people reach the service; links point there and nowhere else. */
  readonly publicUrl: string
  /** A device in words. */
  readonly device?: string
  /** The mailed token, for the kinds that carry a link. */
  readonly token?: string
}

interface Letter {
  readonly subject: string
  readonly paragraphs: readonly string[]
  readonly link?: { readonly label: string; readonly url: string }
  readonly closing: string
}

type Template = (values: MailValues) => Letter

/** The token is in the fragment: it is in no server's log, and opening the page uses nothing up. */
const verifyEmail: Template = ({ publicUrl, token }) => ({
  subject: 'Please confirm your address',
  paragraphs: ['Somebody, hopefully you, has registered with this address. Please confirm that it is yours.'],
  link: { label: 'Confirm my address', url: `${publicUrl}/verify-email#token=${token}` },
  closing: 'The link is good for one day and once. If this was not you, do nothing: without the link nothing happens.'
})

/** What a mail can turn out to be once it is sent. */
export type SentKind = Exclude<MailKind, 'registration' | 'verification-requested' | 'reset-requested'>

const TEMPLATES: Readonly<Record<SentKind, Template>> = {
  'verify-email': verifyEmail,
  'already-registered': ({ publicUrl }) => ({
    subject: 'You already have an account',
    paragraphs: [
      `Somebody, perhaps you, has tried to register with this address at ${publicUrl}. It already has an account, so nothing was changed.`
    ],
    closing: 'You can sign in as usual. If this was not you, there is nothing to do.'
  }),
  'reset-password': ({ publicUrl, token }) => ({
    subject: 'Choose a new password',
    paragraphs: ['Somebody, hopefully you, has asked for a new password for your account.'],
    link: { label: 'Choose a new password', url: `${publicUrl}/reset-password#token=${token}` },
    closing: 'The link is good for one hour and once. If this was not you, do nothing: your password stays as it is.'
  }),
  'password-changed': ({ publicUrl }) => ({
    subject: 'Your password was changed',
    paragraphs: [`The password of your account at ${publicUrl} was changed.`],
    closing: 'If this was not you, please ask for a new password at once.'
  }),
  'change-email': ({ publicUrl, token }) => ({
    subject: 'Please confirm your new address',
    paragraphs: ['Somebody, hopefully you, wants to use this address for an account.'],
    link: { label: 'Confirm my new address', url: `${publicUrl}/verify-email#token=${token}` },
    closing: 'The link is good for one day and once. If this was not you, do nothing.'
  }),
  'email-changed': ({ publicUrl }) => ({
    subject: 'The address of your account was changed',
    paragraphs: [`Your account at ${publicUrl} uses another address from now on.`],
    closing: 'If this was not you, please tell us at once.'
  }),
  'new-device': ({ publicUrl, device }) => ({
    subject: 'A new device has signed in',
    paragraphs: [`Your account at ${publicUrl} was used from a device that we have not seen before: ${device}.`],
    closing: 'If this was not you, change your password: that ends every other session.'
  }),
  'account-attacked': ({ publicUrl }) => ({
    subject: 'Somebody is guessing your password',
    paragraphs: [
      `There were many wrong passwords for your account at ${publicUrl}. For half an hour only devices that you have used before can sign in.`
    ],
    closing: 'There is nothing that you have to do. A long password that you use nowhere else protects you best.'
  }),
  'account-deleted': ({ publicUrl }) => ({
    subject: 'Your account is deleted',
    paragraphs: [`Your account at ${publicUrl} and everything about you is deleted.`],
    closing: 'Thank you for having been with us.'
  }),
  'refresh-reused': ({ publicUrl }) => ({
    subject: 'We have ended one of your sessions',
    paragraphs: [
      `A sign-in of yours at ${publicUrl} was used from two places, as happens when it was copied. We have ended that session everywhere.`
    ],
    closing: 'Please sign in again. If you do not know why this happened, change your password.'
  })
}

/** Renders a mail. */
export function renderMail(kind: SentKind, values: MailValues): RenderedMail {
  const { subject, paragraphs, link, closing } = TEMPLATES[kind](values)
  const greeting = `Hello ${values.name},`
  const text = [greeting, ...paragraphs, ...(link ? [`${link.label}: ${link.url}`] : []), closing].join('\n\n')
  const body = [
    paragraph(greeting),
    ...paragraphs.map(paragraph),
    ...(link ? [`<p><a href="${escapeHtml(link.url)}">${escapeHtml(link.label)}</a></p>`] : []),
    paragraph(closing)
  ].join('\n')
  return { subject, text: `${text}\n`, html: `<!doctype html>\n<html lang="en">\n<body>\n${body}\n</body>\n</html>\n` }
}

function paragraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;'
  }
  return text.replaceAll(/[&<>"']/g, character => entities[character] ?? character)
}
