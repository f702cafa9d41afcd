/** Text in HTML: no character of it can open a tag, end an attribute or begin an entity. */

import t from 'tap'
import { escapeHtml } from '../../../../server/lib/http/escape-html.ts'

t.test('escapeHtml() replaces every character that HTML reads as markup, and no other', async t => {
  t.equal(
    escapeHtml(`<b title="a" lang='x'>&amp;</b>`),
    '&lt;b title=&quot;a&quot; lang=&#39;x&#39;&gt;&amp;amp;&lt;/b&gt;'
  )
  for (const text of ['', 'plain', 'Grüße 🙂', '\ud800', '\u0000', '`=/']) t.equal(escapeHtml(text), text)
  t.equal(escapeHtml('<'.repeat(1_000_000)).length, 4_000_000)
})
