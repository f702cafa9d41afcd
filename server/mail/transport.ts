/** Sends emails by SMTP, each with a deadline. Retries are left to the mail worker. */

import { createTransport } from 'nodemailer'
import type { RenderedMail } from './mail-layout.ts'

/** A rendered email with its recipient. */
export interface Envelope extends RenderedMail {
  readonly to: string
  /** The same for every attempt, so that a mail program shows an email that arrived twice once. */
  readonly messageId: string
}

/** Sends single emails. */
export interface MailTransport {
  /** @throws {Error} if the server did not accept the email in time */
  send(mail: Envelope): Promise<void>
  close(): void
}

/** RFC 3834 §5: auto-responders do not answer an email with this header. */
const HEADERS = { 'Auto-Submitted': 'auto-generated' }

/** Deadlines of single steps. A slower mail server gets another attempt later. */
const STEP_DEADLINES_MS = { connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 10_000 }

/** Bounds one whole attempt. A server that sends a byte now and then would never exceed the deadlines of single steps. */
const ATTEMPT_DEADLINE_MS = 20_000

/** The mail server and the sender. */
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
      // Security: an address object is never parsed, so no email address can inject a second recipient.
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
    () =>
      deadline.reject(
        Object.assign(new Error(`the mail server did not accept an email within ${deadlineMs} ms`), {
          code: 'ETIMEDOUT'
        })
      ),
    deadlineMs
  )
  try {
    return await Promise.race([work, deadline.promise])
  } finally {
    clearTimeout(timer)
  }
}
