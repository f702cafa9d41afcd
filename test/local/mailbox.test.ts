/**
 * The local mailbox: emails arrive by SMTP and are shown as JSON and on a page that no email can take over.
 *
 * Over 200 lines: one rule of the mailbox a test, all over one helper that sends.
 */

import { once } from 'node:events'
import { appendFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import nodemailer, { type SendMailOptions } from 'nodemailer'
import t, { type Test } from 'tap'
import { findLinks } from '../../local/mailbox/mail.ts'
import { renderPage } from '../../local/mailbox/page.ts'
import { maxMails, openMailStore } from '../../local/mailbox/store.ts'
import { type Mailbox, type MailboxOptions, type Message, openMailbox } from '../../local/mailbox.ts'
import { escapeHtml } from '../../server/lib/http/escape-html.ts'

t.test('an email is shown as it was sent, with its links', async t => {
  const mailbox = await open(t)
  const link = 'https://auth.example.com/verify-email#token=a_b-C&x=1'
  await send(mailbox, {
    from: 'Gatehouse <no-reply@example.com>',
    to: 'Ärzte <ada@example.com>',
    subject: 'Grüße 🙂, please verify',
    text: `Open ${link}.\nOr (https://example.com/help).`,
    html: `<p>Open <a class="b" href="${escapeHtml(link)}">this</a> or <a href='mailto:x@example.com'>write</a></p>`
  })
  const [message] = await messages(mailbox)
  t.match(message, {
    to: 'ada@example.com',
    from: 'no-reply@example.com',
    subject: 'Grüße 🙂, please verify',
    text: /^Open https/,
    html: /^<p>Open/,
    links: [link, 'https://example.com/help']
  })
  t.same(Object.keys(message ?? {}).sort(), ['from', 'html', 'id', 'links', 'subject', 'text', 'to'])
  t.same(mailbox.messages(), [message])
  t.same(await (await fetch(`${mailbox.url}/messages/${message?.id}`)).json(), message)
})

t.test('GET /messages lists the newest first and filters by any recipient, ignoring case', async t => {
  const mailbox = await open(t)
  await send(mailbox, { to: 'ada@example.com', subject: 'first' })
  await send(mailbox, { to: 'bob@example.com', bcc: 'Ada@Example.com', subject: 'second' })
  await send(mailbox, { to: 'adam@example.com', subject: 'third' })

  const subjects = async (query: string) => (await messages(mailbox, query)).map(message => message.subject)
  t.same(await subjects(''), ['third', 'second', 'first'])
  t.same(await subjects('?to=ADA%40example.com'), ['second', 'first'])
  t.same(await subjects('?to=da@example.com'), [], 'a part of an address is not the address')
  t.same(await subjects('?to='), [])
  t.same(
    mailbox.messages('bob@example.com').map(message => message.to),
    ['bob@example.com']
  )
})

t.test('DELETE /messages deletes every email', async t => {
  const mailbox = await open(t)
  await send(mailbox, { subject: 'gone' })
  t.equal((await fetch(`${mailbox.url}/messages`, { method: 'DELETE' })).status, 204)
  t.same(await messages(mailbox), [])
})

t.test('an unknown path is 404 and an unsupported method 405 with Allow, both as JSON', async t => {
  const mailbox = await open(t)
  await send(mailbox, {})
  const id = mailbox.messages()[0]?.id
  const cases: [string, string, number, string | null][] = [
    ['GET', '/nothing', 404, null],
    ['GET', '/messages/unknown', 404, null],
    ['GET', '/messages/__proto__', 404, null],
    ['POST', '/', 405, 'GET, HEAD'],
    ['PUT', '/messages', 405, 'GET, HEAD, DELETE'],
    ['DELETE', `/messages/${id}`, 405, 'GET, HEAD']
  ]
  for (const [method, path, status, allow] of cases) {
    const response = await fetch(mailbox.url + path, { method })
    t.equal(response.status, status, `${method} ${path}`)
    t.equal(response.headers.get('allow'), allow)
    t.type((await response.json()).error, 'string')
  }
  t.equal((await fetch(mailbox.url, { method: 'HEAD' })).status, 200)
})

t.test('a page of another site cannot read emails by resolving its name to this machine', async t => {
  const mailbox = await open(t)
  await send(mailbox, { subject: 'secret' })
  const { host, hostname, port } = new URL(mailbox.url)
  const statusFor = async (name: string) => {
    const [response] = await once(
      request({ hostname, port, path: '/messages', headers: { host: name } }).end(),
      'response'
    )
    await text(response)
    return response.statusCode
  }
  t.equal(await statusFor(`evil.example:${port}`), 421)
  t.equal(await statusFor(host), 200)
  t.equal(await statusFor(`localhost:${port}`), 200)
})

t.test('a request target of any form gets an answer', async t => {
  const mailbox = await open(t)
  for (const target of [
    '//',
    '*',
    '//[',
    'http://',
    '/%',
    '/messages?to=%',
    '/messages?to=%ff',
    `/${'a'.repeat(8000)}`
  ]) {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(mailbox.url).port) })
    socket.end(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    t.match(await text(socket), /^HTTP\/1\.1 (200|404|400) /, target.slice(0, 20))
  }
})

t.test('the page shows hostile email as text and runs only its own script', async t => {
  const mailbox = await open(t)
  const attack = `"'><script>alert(1)</script><img src=x onerror=alert(1)></iframe></pre>`
  await send(mailbox, {
    from: `"${attack.replaceAll('"', '')}" <a@example.com>`,
    subject: `${attack} ${'x'.repeat(20_000)}`,
    text: `${attack} javascript:alert(1) https://example.com/"onmouseover="alert(1)`,
    html: `${attack}<a href="javascript:alert(1)">x</a><a href="https://example.com/&quot;onclick=&quot;alert(1)">y</a>`
  })
  const response = await fetch(mailbox.url)
  const page = await response.text()
  t.equal(page.match(/<script/g)?.length, 1, 'the only script is the page’s')
  t.equal(page.match(/<iframe/g)?.length, 1)
  t.notMatch(page, /<img|href="javascript|" ?onclick|" ?onmouseover/)
  t.match(page, /<iframe [^>]*sandbox="allow-popups allow-popups-to-escape-sandbox"/)

  const policy = response.headers.get('content-security-policy') ?? ''
  t.match(policy, /^default-src 'none'; script-src 'sha256-[\w+/=]+';/)
  t.notMatch(policy, /script-src[^;]*unsafe|https?:|\*/)
  t.notOk(mailbox.messages()[0]?.links.some(link => !link.startsWith('https://')))
})

t.test('a header in an encoded word cannot break out of the page or the answers', async t => {
  const mailbox = await open(t)
  const injected = Buffer.from('a\r\nSet-Cookie: x=1\r\n\r\n<script>').toString('base64')
  const raw = `From: a@example.com\r\nTo: b@example.com\r\nSubject: =?utf-8?B?${injected}?=\r\n\r\nhello`
  await send(mailbox, { envelope: { from: 'a@example.com', to: 'b@example.com' }, raw })
  const response = await fetch(mailbox.url)
  t.equal(response.headers.get('set-cookie'), null)
  t.equal((await response.text()).match(/<script/g)?.length, 1)
  t.match((await messages(mailbox))[0]?.text, /^hello/)
})

t.test('bytes that are not an email are accepted and shown', async t => {
  const mailbox = await open(t)
  const envelope = { from: '', to: 'ada@example.com' }
  const nested = Array.from(
    { length: 400 },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`
  )
  for (const raw of ['\r\n', '\0\x01\xff', ': : :\r\n\r\n', nested.join('')]) await send(mailbox, { envelope, raw })
  t.equal(mailbox.messages('ada@example.com').length, 4)
  t.match(mailbox.messages()[0], { subject: '(unreadable email)', text: /^Content-Type/, from: '' })
  t.equal((await fetch(mailbox.url)).status, 200)
})

t.test('an email over 1 MiB is refused with 552, and the next one is accepted', async t => {
  const mailbox = await open(t)
  const huge = 'x'.repeat(1024 * 1024)
  await t.rejects(send(mailbox, { text: huge }), { message: /552/ })
  // A sender that does not announce the size is refused as well.
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(mailbox.smtpUrl).port) })
  await once(socket, 'readable')
  const lines = ['HELO x', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA']
  socket.end(`${lines.join('\r\n')}\r\n${huge}\r\n.\r\nQUIT\r\n`)
  t.match(await text(socket), /\r\n552 /)
  t.same(mailbox.messages(), [])

  await send(mailbox, { subject: 'small' })
  t.equal(mailbox.messages().length, 1)
})

t.test('a connection may send any number of emails, and several connections may send at once', async t => {
  const mailbox = await open(t)
  const transport = nodemailer.createTransport({
    url: mailbox.smtpUrl,
    pool: true,
    maxConnections: 3,
    maxMessages: 1000
  })
  t.teardown(() => transport.close())
  const mails = Array.from({ length: 60 }, (_, i) => ({ from: 'a@example.com', to: 'b@example.com', subject: `${i}` }))
  await Promise.all(mails.map(mail => transport.sendMail(mail)))
  t.equal(new Set(mailbox.messages().map(message => message.subject)).size, 60)
})

t.test('the store keeps the newest 500, the page shows the newest 50', async t => {
  const store = await openMailStore()
  for (let i = 1; i <= maxMails + 5; i += 1) await store.add(mail(`mail ${i}`))
  t.equal(store.list().length, maxMails)
  t.equal(store.list()[0]?.message.subject, 'mail 505')
  t.equal(store.list().at(-1)?.message.subject, 'mail 6')
  t.equal(renderPage(store.list(), '').match(/<details/g)?.length, 50)
})

t.test('the page is sent again only after a change', async t => {
  const mailbox = await open(t)
  const etag = (await fetch(mailbox.url)).headers.get('etag') ?? ''
  const again = () => fetch(mailbox.url, { headers: { 'if-none-match': etag } })
  t.equal((await again()).status, 304)
  await send(mailbox, { subject: 'new' })
  t.match(await (await again()).text(), /new/)
})

t.test('with a data file emails survive a restart, and an incomplete line is skipped', async t => {
  const dataFile = join(t.testdir(), 'not', 'yet', 'mail.jsonl')
  const first = await open(t, { dataFile })
  await send(first, { subject: 'one' })
  await send(first, { subject: 'two' })
  const before = first.messages()
  await first.close()
  await appendFile(dataFile, '{"message":{"id":"cut')

  const second = await open(t, { dataFile })
  t.same(second.messages(), before)
  await send(second, { subject: 'three' })
  t.same(
    (await messages(second)).map(message => message.subject),
    ['three', 'two', 'one']
  )
  await fetch(`${second.url}/messages`, { method: 'DELETE' })
  await second.close()
  t.same((await open(t, { dataFile })).messages(), [])
})

t.test('openMailbox() rejects with EADDRINUSE if a port is taken, and leaves nothing open', async t => {
  const { smtpUrl, url } = await open(t)
  await t.rejects(openMailbox({ smtpPort: Number(new URL(smtpUrl).port) }), { code: 'EADDRINUSE' })
  await t.rejects(openMailbox({ httpPort: Number(new URL(url).port) }), { code: 'EADDRINUSE' })
})

t.test('close() ends connections that clients hold open', async t => {
  const mailbox = await openMailbox()
  const sockets = [mailbox.smtpUrl, mailbox.url].map(url =>
    connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
  )
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  const closed = sockets.map(socket => once(socket.resume(), 'close'))
  await mailbox.close()
  await Promise.all(closed)
  await t.rejects(fetch(mailbox.url), { cause: { code: 'ECONNREFUSED' } })
})

t.test('findLinks() finds each web address once, in order, without surrounding punctuation', async t => {
  const cases: [html: string, text: string, links: string[]][] = [
    [
      '<a href="https://a.example/">x</a>',
      'https://b.example/ https://a.example/',
      ['https://a.example/', 'https://b.example/']
    ],
    ['<A HREF = https://a.example/x>x</A>', '', ['https://a.example/x']],
    ["<a href='https://a.example/?a=1&#38;b=&#x32;'>", '', ['https://a.example/?a=1&b=2']],
    ['<a data-href="https://a.example/">', '', []],
    ['<a href="&#x110000;"><a href="//a.example"><a href="/x">', '', []],
    [
      '',
      '(see https://a.example/x), or <https://b.example/y>. https://',
      ['https://a.example/x', 'https://b.example/y']
    ],
    ['', 'xhttps://a.example ftp://b.example data:text/html,x', []]
  ]
  for (const [html, plain, links] of cases) t.same(findLinks(html, plain), links, html + plain)
})

async function open(t: Test, options?: MailboxOptions): Promise<Mailbox> {
  const mailbox = await openMailbox(options)
  t.teardown(mailbox.close)
  return mailbox
}

async function send(mailbox: Mailbox, mail: SendMailOptions): Promise<void> {
  const transport = nodemailer.createTransport(mailbox.smtpUrl)
  await transport.sendMail({ from: 'a@example.com', to: 'b@example.com', text: 'text', ...mail })
}

async function messages(mailbox: Mailbox, query = ''): Promise<Message[]> {
  return (await (await fetch(`${mailbox.url}/messages${query}`)).json()) as Message[]
}

function mail(subject: string) {
  const message = { id: subject, to: 'b@example.com', from: '', subject, text: '', html: '', links: [] }
  return { message, recipients: [message.to], receivedAt: '2026-01-01T00:00:00.000Z' }
}
