/** Sends one mail by SMTP, with a deadline. */

import { createTransport } from 'nodemailer'
import type { RenderedMail } from './templates.ts'

export interface Envelope extends RenderedMail {
  readonly to: string
  /** The same for every attempt, so that a mail which arrived twice shows once. */
  readonly messageId: string
}

export interface MailTransport {
  /** @throws {Error} where the server did not take the mail */
  send(mail: Envelope): Promise<void>
  close(): void
}

/** Milliseconds; a mail server that is slower gets another try later. */
const DEADLINES = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 10_000 }

/** @param from the sender of every mail */
export function openMailTransport(smtpUrl: string, from: string): MailTransport {
  const transport = createTransport({ url: smtpUrl, pool: true, maxConnections: 2, ...DEADLINES })
  return {
    async send({ to, messageId, subject, text, html }) {
      // An address object is never parsed, so no address can smuggle in a second recipient.
      await transport.sendMail({ from, to: { name: '', address: to }, messageId, subject, text, html })
    },
    close: () => transport.close()
  }
}
