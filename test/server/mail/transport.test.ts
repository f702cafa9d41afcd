/** Emails as a mail server receives them. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import t from 'tap'
import { MAIL_KINDS } from '../../../server/lib/mail/outbox-mail.ts'
import { renderMail, type SentKind } from '../../../server/mail/templates.ts'
import { openMailTransport } from '../../../server/mail/transport.ts'

const received: Buffer[] = []
const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, _session, done) {
    const chunks: Buffer[] = []
    stream.on('data', chunk => chunks.push(chunk))
    stream.on('end', () => {
      received.push(Buffer.concat(chunks))
      done()
    })
  }
})
smtp.listen(0, '127.0.0.1')
await once(smtp.server, 'listening')
const { port } = smtp.server.address() as AddressInfo
const transport = openMailTransport({
  smtpUrl: `smtp://127.0.0.1:${port}`,
  mailFrom: 'Gatehouse <no-reply@example.com>'
})
t.teardown(() => {
  transport.close()
  smtp.close(() => {})
})

/** Kinds without a text: each is resolved to another kind first. */
const REQUESTS = ['registration', 'verification-requested', 'reset-requested']
const TOKEN = 'abc_-123-def'

for (const kind of MAIL_KINDS.filter(one => !REQUESTS.includes(one)) as SentKind[]) {
  t.test(`${kind} says that it was sent automatically, and keeps its token on a line of its own`, async t => {
    const mail = renderMail(kind, { publicUrl: 'https://auth.example.com', token: TOKEN })
    await transport.send({ to: 'ada@example.com', messageId: `<${kind}@auth.example.com>`, ...mail })
    const parsed = await PostalMime.parse(received.pop() ?? '')
    const header = parsed.headers.filter(({ key }) => key === 'auto-submitted')
    t.match(header, [{ value: 'auto-generated' }], 'RFC 3834 §5')
    t.equal(header.length, 1)
    if (!mail.text.includes(TOKEN)) return
    for (const part of [parsed.text, parsed.html]) t.ok(part?.split(/\r?\n/).includes(TOKEN))
  })
}
