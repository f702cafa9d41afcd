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

const TEMPLATES: Readonly<Record<Exclude<MailKind, 'registration'>, Template>> = {
  'verify-email': verifyEmail,
  'already-registered': ({ publicUrl }) => ({
    subject: 'You already have an account',
    paragraphs: [
      `Somebody, perhaps you, has tried to register with this address at ${publicUrl}. It already has an account, so nothing was changed.`
    ],
    closing: 'You can sign in as usual. If this was not you, there is nothing to do.'
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
export function renderMail(kind: Exclude<MailKind, 'registration'>, values: MailValues): RenderedMail {
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
