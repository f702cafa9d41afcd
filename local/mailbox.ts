/** A local mailbox: accepts email by SMTP and shows it as JSON and on a page. It delivers nothing to real addresses. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { createRequestListener } from './mailbox/http.ts'
import { type Message, parseMail } from './mailbox/mail.ts'
import { type MailStore, openMailStore } from './mailbox/store.ts'

export type { Message } from './mailbox/mail.ts'

const maxMailBytes = 1024 * 1024

/** Where the mailbox listens and keeps its emails. */
export interface MailboxOptions {
  /** 0 lets the system choose. */
  readonly smtpPort?: number
  /** 0 lets the system choose. */
  readonly httpPort?: number
  readonly host?: string
  /** Keeps emails across restarts, as lines of JSON. Absent: in memory only. */
  readonly dataFile?: string
}

/** A running mailbox. */
export interface Mailbox {
  /** For `SMTP_URL`: no TLS, no password. */
  readonly smtpUrl: string
  /** The page; programs use `GET /messages` below it. */
  readonly url: string
  /** Newest first; with `to`, only emails to that address. */
  messages(to?: string): Message[]
  close(): Promise<void>
}

/**
 * Opens an SMTP server that accepts emails of up to 1 MiB to any address, and keeps the newest 500.
 *
 * - `GET /` is a page.
 * - `GET /messages?to=ADDRESS` is a list of messages, newest first; `to` matches any recipient, ignoring case.
 * - `GET /messages/{id}` is one message.
 * - `DELETE /messages` deletes all messages.
 *
 * @throws the error of `listen`, such as `EADDRINUSE`; both servers are then closed
 */
export async function openMailbox(options: MailboxOptions = {}): Promise<Mailbox> {
  const { smtpPort = 0, httpPort = 0, host = '127.0.0.1', dataFile } = options
  const store = await openMailStore(dataFile)
  const smtp = createSmtpServer(store)
  const http = createServer(createRequestListener(store, host))

  await listen(http, httpPort, host)
  try {
    await listenSmtp(smtp, smtpPort, host)
  } catch (error) {
    await closeHttp(http)
    throw error
  }

  return {
    smtpUrl: `smtp://${authority(smtp.server.address(), host)}`,
    url: `http://${authority(http.address(), host)}`,
    messages: to => store.list(to).map(mail => mail.message),
    close: async () => {
      await Promise.all([new Promise<void>(resolve => smtp.close(resolve)), closeHttp(http)])
      await store.close()
    }
  }
}

function createSmtpServer(store: MailStore): SMTPServer {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: maxMailBytes,
    // Otherwise a sender that reuses its connection is cut off after a few emails.
    maxAllowedUnauthenticatedCommands: false,
    closeTimeout: 200,
    onData: (stream, session, done) => {
      receive(stream, session, store).then(() => done(), done)
    }
  })
  // Without a listener, a client that aborts its connection would end the process.
  server.on('error', () => {})
  return server
}

async function receive(stream: SMTPServerDataStream, session: SMTPServerSession, store: MailStore): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk)
  if (stream.sizeExceeded) {
    throw Object.assign(new Error(`The email is larger than ${maxMailBytes} bytes`), { responseCode: 552 })
  }
  const { mailFrom, rcptTo } = session.envelope
  const recipients = rcptTo.map(recipient => recipient.address)
  await store.add(await parseMail(Buffer.concat(chunks), mailFrom ? mailFrom.address : '', recipients))
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

async function listenSmtp(smtp: SMTPServer, port: number, host: string): Promise<void> {
  smtp.listen(port, host)
  await once(smtp.server, 'listening')
}

async function closeHttp(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

function authority(address: AddressInfo | string | null, host: string): string {
  const port = typeof address === 'object' && address ? address.port : 0
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
