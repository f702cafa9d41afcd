/** The mails as people get them: whatever a person calls itself, and where links point. */

import t from 'tap'
import { type MailValues, renderMail, type SentKind } from '../../../server/mail/templates.ts'

/** What each kind is: `link` leads to a token, `owner` goes to somebody who has confirmed the address. */
const KINDS: Readonly<Record<SentKind, { readonly link?: string; readonly owner: boolean }>> = {
  'verify-email': { link: '/verify-email', owner: false },
  'register-again': { owner: false },
  'already-registered': { owner: true },
  'reset-password': { link: '/reset-password', owner: true },
  'password-changed': { owner: true },
  'change-email': { link: '/verify-email', owner: false },
  // Under optional verification the old address may be unverified.
  'email-change-requested': { link: '/cancel-email-change', owner: false },
  'email-changed': { owner: true },
  'new-device': { owner: true },
  'account-attacked': { owner: true },
  'account-deleted': { owner: true },
  'refresh-reused': { owner: true }
}
const kinds = Object.keys(KINDS) as SentKind[]

const TOKEN = 'abc_-123'
const values: MailValues = {
  name: 'Ada',
  publicUrl: 'https://auth.example.com',
  token: TOKEN,
  device: 'Firefox on Linux',
  at: new Date(Date.UTC(2026, 10, 21, 9, 0)),
  expiresAt: new Date(Date.UTC(2026, 10, 22, 9, 5))
}

t.test('a token is in the fragment of a link to the public URL, and in no mail that needs none', async t => {
  for (const kind of kinds) {
    const { text, html } = renderMail(kind, values)
    const { link } = KINDS[kind]
    if (link === undefined) {
      t.notMatch(text + html, TOKEN, kind)
    } else {
      t.match(text, `https://auth.example.com${link}#token=${TOKEN}`, kind)
      t.match(html, `href="https://auth.example.com${link}#token=${TOKEN}"`, kind)
      t.equal(text.split(TOKEN).length, 2, 'once in the text')
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

t.test('a mail that needs a token is not rendered without one', async t => {
  const { token: _, ...without } = values
  for (const kind of kinds.filter(one => KINDS[one].link !== undefined)) t.throws(() => renderMail(kind, without), kind)
})

t.test('a name is escaped in HTML', async t => {
  const name = `<script>alert("1")</script>&amp;'`
  for (const kind of kinds.filter(one => KINDS[one].owner)) {
    const { html } = renderMail(kind, { ...values, name })
    t.notMatch(html, /<script/)
    t.match(html, '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;')
  }
})

t.test('a mail to an address that nobody has confirmed carries no word of whoever entered it', async t => {
  const name = 'Cheap pills at evil.example'
  for (const kind of kinds.filter(one => !KINDS[one].owner)) {
    t.strictSame(renderMail(kind, { ...values, name }), renderMail(kind, values), kind)
  }
})

t.test('a device is escaped in HTML and readable in text', async t => {
  const { text, html } = renderMail('new-device', { ...values, device: '<b>Lynx</b> on Plan 9' })
  t.match(text, '<b>Lynx</b> on Plan 9')
  t.match(html, '&lt;b&gt;Lynx&lt;/b&gt; on Plan 9')
})

t.test('a name never gets into a subject, where it would begin a header', async t => {
  for (const kind of kinds) {
    const { subject } = renderMail(kind, { ...values, name: 'Ada\r\nBcc: eve@example.com' })
    t.equal(subject, renderMail(kind, values).subject)
    t.notMatch(subject, /[\r\n]/)
  }
})

t.test('no two kinds share a subject', async t => {
  t.equal(new Set(kinds.map(kind => renderMail(kind, values).subject)).size, kinds.length)
})

t.test('a mail loads nothing and tracks nobody', async t => {
  for (const kind of kinds) t.notMatch(renderMail(kind, values).html, /<img|<link|<script|src=|url\(|@import/i)
})

t.test('a mail names its language and its subject, and adapts to a phone and to the dark', async t => {
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

t.test('a link says until when it is good, and an event when it was', async t => {
  t.match(renderMail('reset-password', values).text, 'until 22 November 2026 at 09:05 UTC')
  t.match(renderMail('new-device', values).text, 'on 21 November 2026 at 09:00 UTC: Firefox on Linux')
})
