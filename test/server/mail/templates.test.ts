/** The emails as recipients see them: escaped names, links to the public URL, text and HTML alike. */

import t from 'tap'
import { type MailValues, renderMail, type SentKind } from '../../../server/mail/templates.ts'

/** The page of each kind's token; `undefined` for a kind without a token. */
const KINDS: Readonly<Record<SentKind, string | undefined>> = {
  'verify-email': '/verify-email',
  'register-again': undefined,
  'already-registered': undefined,
  'reset-password': '/reset-password',
  'password-changed': undefined,
  'change-email': '/verify-email',
  'email-change-requested': '/cancel-email-change',
  'email-changed': undefined,
  'new-device': undefined,
  'account-attacked': undefined,
  'account-deleted': undefined,
  'refresh-reused': undefined
}
const kinds = Object.keys(KINDS) as SentKind[]

const TOKEN = 'abc_-123'
const values: MailValues = {
  typed: { name: 'Ada', device: 'Firefox on Linux' },
  publicUrl: 'https://auth.example.com',
  token: TOKEN,
  at: new Date(Date.UTC(2026, 10, 21, 9, 0)),
  expiresAt: new Date(Date.UTC(2026, 10, 22, 9, 5))
}

t.test('a token is in the fragment of a link to the public URL, and in no email without such a link', async t => {
  for (const kind of kinds) {
    const { text, html } = renderMail(kind, values)
    const link = KINDS[kind]
    if (link === undefined) {
      t.notMatch(text + html, TOKEN, kind)
    } else {
      t.match(text, `https://auth.example.com${link}#token=${TOKEN}`, kind)
      t.match(html, `href="https://auth.example.com${link}#token=${TOKEN}"`, kind)
    }
  }
})

t.test('every link leads to the public URL', async t => {
  for (const kind of kinds) {
    const { text, html } = renderMail(kind, values)
    const urls = [...`${text} ${html}`.matchAll(/https?:\/\/[^\s"<]+/g)].map(([url]) => url)
    t.ok(urls.length > 0, kind)
    t.ok(
      urls.every(url => new URL(url).origin === 'https://auth.example.com'),
      urls.join(' ')
    )
  }
})

t.test('an email that needs a token is not rendered without one', async t => {
  const { token: _, ...without } = values
  for (const kind of kinds.filter(one => KINDS[one] !== undefined)) t.throws(() => renderMail(kind, without), kind)
})

t.test('a token also has a line of its own in text and HTML: mail gateways drop fragments', async t => {
  for (const kind of kinds) {
    const { text, html } = renderMail(kind, values)
    const expected = KINDS[kind] === undefined ? 0 : 1
    for (const part of [text, html]) t.equal(part.split('\n').filter(line => line === TOKEN).length, expected, kind)
    if (expected === 1) t.match(text, `open https://auth.example.com${KINDS[kind]} and enter this code:\n${TOKEN}\n`)
  }
})

t.test('a name and a device are escaped in HTML', async t => {
  const hostile = `<script>alert("1")</script>&amp;'`
  for (const kind of kinds) {
    const { html } = renderMail(kind, { ...values, typed: { name: hostile, device: hostile } })
    t.notMatch(html, /<script/)
    t.match(html, 'Hello &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;,')
  }
})

t.test('without user-supplied text every email is complete', async t => {
  for (const kind of kinds) {
    const { text } = renderMail(kind, { ...values, typed: undefined })
    t.match(text, /^Hello,\n/, kind)
    t.notMatch(text, /undefined|: \.|Ada|Firefox/, kind)
  }
})

t.test('user-supplied text never gets into a subject, where it could begin a header', async t => {
  for (const kind of kinds) {
    const typed = { name: 'Ada\r\nBcc: eve@example.com', device: 'X\r\nBcc: eve@example.com' }
    const { subject } = renderMail(kind, { ...values, typed })
    t.equal(subject, renderMail(kind, values).subject)
    t.notMatch(subject, /[\r\n]/)
  }
})

t.test('no two kinds share a subject', async t => {
  t.equal(new Set(kinds.map(kind => renderMail(kind, values).subject)).size, kinds.length)
})

t.test('an email loads no resource and tracks no recipient', async t => {
  for (const kind of kinds) t.notMatch(renderMail(kind, values).html, /<img|<link|<script|src=|url\(|@import/i)
})

t.test('an email states its language and its subject, and adapts to a phone and to dark mode', async t => {
  for (const kind of kinds) {
    const { subject, html } = renderMail(kind, values)
    t.match(html, '<html lang="en"')
    t.match(html, `<title>${subject}</title>`)
    t.match(html, '<meta name="viewport" content="width=device-width')
    t.match(html, 'prefers-color-scheme: dark')
  }
})

t.test('text and HTML say the same', async t => {
  for (const kind of kinds) {
    const { text, html } = renderMail(kind, values)
    const words = html.replace(/<style>[\s\S]*?<\/style>/, '').replaceAll(/<[^>]+>/g, ' ')
    for (const line of text.split('\n').filter(one => /^[A-Z].*\.$/.test(one))) t.match(words, line, kind)
  }
})

t.test('an email states the expiry of its link and the time of its event', async t => {
  t.match(renderMail('reset-password', values).text, 'until 22 November 2026 at 09:05 UTC')
  t.match(renderMail('new-device', values).text, 'on 21 November 2026 at 09:00 UTC: Firefox on Linux')
})
