/** The mails as people get them: whatever a person calls itself, and where links point. */

import t from 'tap'
import { type MailValues, renderMail } from '../../../server/mail/templates.ts'

const KINDS = ['verify-email', 'already-registered', 'refresh-reused'] as const
const values: MailValues = { name: 'Ada', publicUrl: 'https://auth.example.com', token: 'abc_-123' }

t.test('a link points at the public URL and carries the token in the fragment, and nothing else does', async t => {
  const { text, html } = renderMail('verify-email', values)
  t.match(text, 'https://auth.example.com/verify-email#token=abc_-123')
  t.match(html, 'href="https://auth.example.com/verify-email#token=abc_-123"')
  t.equal(text.split('abc_-123').length, 2, 'once')
  for (const kind of KINDS) {
    const mail = renderMail(kind, values)
    for (const [url] of `${mail.text} ${mail.html}`.matchAll(/https?:\/\/[^\s"<]+/g)) {
      t.ok(url.startsWith('https://auth.example.com'), url)
    }
  }
})

t.test('a name is escaped in HTML', async t => {
  const name = `<script>alert("1")</script>&amp;'`
  for (const kind of KINDS) {
    const { html } = renderMail(kind, { ...values, name })
    t.notMatch(html, /<script/)
    t.match(html, '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;')
  }
})

t.test('a name never gets into a subject, where it would begin a header', async t => {
  for (const kind of KINDS) {
    const { subject } = renderMail(kind, { ...values, name: 'Ada\r\nBcc: eve@example.com' })
    t.equal(subject, renderMail(kind, values).subject)
    t.notMatch(subject, /[\r\n]/)
  }
})

t.test('a mail loads nothing and tracks nobody', async t => {
  for (const kind of KINDS) t.notMatch(renderMail(kind, values).html, /<img|<link|<script|src=/i)
})
