/** Sends one mail by SMTP, with a deadline. */

import { createTransport } from 'nodemailer'
import type { RenderedMail } from './mail-layout.ts'

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

/** RFC 3834 §5: auto-responders do not answer such an email. */
const HEADERS = { 'Auto-Submitted': 'auto-generated' }

/** Milliseconds; a mail server that is slower gets another try later. */
const STEP_DEADLINES_MS = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 10_000 }

/** Milliseconds for the whole of one attempt: a server that sends a byte now and then never meets a deadline above. */
const ATTEMPT_DEADLINE_MS = 20_000

export interface MailTransportOptions {
  readonly smtpUrl: string
  /** The sender of every email. */
  readonly mailFrom: string
}

/** Opens a pool of connections to the mail server. */
export function openMailTransport({ smtpUrl, mailFrom }: MailTransportOptions): MailTransport {
  const transport = createTransport({ url: smtpUrl, pool: true, maxConnections: 2, ...STEP_DEADLINES_MS })
  return {
    async send({ to, messageId, subject, text, html }) {
      // An address object is never parsed, so no address can smuggle in a second recipient.
      const recipient = { name: '', address: to }
      const sent = transport.sendMail({
        from: mailFrom,
        to: recipient,
        messageId,
        headers: HEADERS,
        subject,
        text,
        html
      })
      await withinMs(ATTEMPT_DEADLINE_MS, sent)
    },
    close: () => transport.close()
  }
}

async function withinMs<T>(deadlineMs: number, work: Promise<T>): Promise<T> {
  const deadline = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => deadline.reject(Object.assign(new Error('the mail server was too slow'), { code: 'ETIMEDOUT' })),
    deadlineMs
  )
  try {
    return await Promise.race([work, deadline.promise])
  } finally {
    clearTimeout(timer)
  }
}
