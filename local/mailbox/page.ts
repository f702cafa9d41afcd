/** The mailbox as a page for people, safe whatever a mail contains; the mails come from `store.ts`. */

import { createHash } from 'node:crypto'
import { escapeHtml } from '../../server/lib/http/escape-html.ts'
import type { Mail } from './mail.ts'

/** How many mails the page shows; all of them are in `GET /messages`. */
const shownMails = 50

const style = `
:root { color-scheme: light dark; --line: light-dark(#d9dce1, #3a3f47); --soft: light-dark(#5b6470, #a3abb8);
  --card: light-dark(#fff, #1d2025); --accent: light-dark(#1a56c4, #8ab4ff) }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 56rem; background: light-dark(#f4f5f7, #131518);
  font: 1rem/1.5 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; margin-bottom: 1rem }
h1 { margin: 0; font-size: 1.4rem }
header p { margin: 0; flex: 1; color: var(--soft) }
button { font: inherit; padding: .3rem .8rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
  color: inherit; cursor: pointer }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
#mails { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem }
#mails > li { min-width: 0; border: 1px solid var(--line); border-radius: .75rem; background: var(--card) }
summary { padding: .7rem 1rem; border-radius: .75rem; cursor: pointer; list-style: none; display: grid; gap: 0 1rem;
  grid-template-columns: minmax(0, 1fr) auto }
summary::-webkit-details-marker { display: none }
.subject { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
details[open] .subject { white-space: normal; overflow-wrap: anywhere; max-height: 12rem; overflow: auto }
.people { grid-column: 1 / -1; color: var(--soft); overflow-wrap: anywhere; max-height: 4.5rem; overflow: auto }
time { color: var(--soft); font-variant-numeric: tabular-nums }
.body { padding: 0 1rem 1rem; display: grid; gap: .75rem; grid-template-columns: minmax(0, 1fr) }
.links { margin: 0; padding: 0; list-style: none; display: grid; gap: .25rem }
.links a { color: var(--accent); overflow-wrap: anywhere }
pre { margin: 0; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 60vh; overflow: auto; font: .875rem/1.5 ui-monospace, monospace }
iframe { width: 100%; height: 18rem; resize: vertical; border: 1px solid var(--line); border-radius: .5rem; background: #fff;
  color-scheme: light }
.empty { padding: 3rem 1rem; text-align: center; color: var(--soft) }
`

// New mails are put above the others, so that one that is being read stays as it is.
const script = `
let version = document.body.dataset.version
async function refresh() {
  const response = await fetch('/', { headers: { 'if-none-match': version } })
  if (response.status !== 200) return
  version = response.headers.get('etag')
  const next = new DOMParser().parseFromString(await response.text(), 'text/html')
  const [list, fresh] = [document.querySelector('#mails'), [...next.querySelectorAll('#mails > li')]]
  const kept = new Set(fresh.map(mail => mail.id))
  for (const mail of [...list.children]) if (!kept.has(mail.id)) mail.remove()
  for (const mail of fresh.reverse()) if (!document.getElementById(mail.id)) list.prepend(mail)
  for (const id of ['count', 'empty']) document.getElementById(id).replaceWith(next.getElementById(id))
  document.title = next.title
}
const clear = document.querySelector('#clear')
clear.hidden = false
clear.addEventListener('click', () => fetch('/messages', { method: 'DELETE' }).then(refresh))
setInterval(() => document.hidden || refresh().catch(() => {}), 2000)
document.addEventListener('visibilitychange', () => document.hidden || refresh().catch(() => {}))
`

const scriptHash = createHash('sha256').update(script).digest('base64')

/**
 * Security: a mail may contain anything. Its text is escaped, its HTML lives in a frame without scripts, forms or an
 * origin, which inherits this policy: the only script that ever runs is ours, by its hash, and nothing is loaded from
 * elsewhere, not even an image that would tell its sender that the mail was read.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': [
    "default-src 'none'",
    `script-src 'sha256-${scriptHash}'`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join('; ')
}

/** The whole page; `version` lets it ask whether there is anything new. */
export function renderPage(mails: readonly Mail[], version: string): string {
  const count = `${mails.length} ${mails.length === 1 ? 'mail' : 'mails'}`
  const note = mails.length > shownMails ? `, the newest ${shownMails} shown` : ''
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>(${mails.length}) Local mailbox</title>
<noscript><meta http-equiv="refresh" content="10"></noscript>
<style>${style}</style>
</head>
<body data-version="${escapeHtml(version)}">
<header><h1>Local mailbox</h1><p id="count" role="status">${count}${note}</p>
<button id="clear" type="button" hidden>Delete all</button></header>
<main>
<ol id="mails">${mails.slice(0, shownMails).map(renderMail).join('')}</ol>
<p id="empty" class="empty"${mails.length > 0 ? ' hidden' : ''}>No mail yet. It appears here by itself.</p>
</main>
<script>${script}</script>
</body>
</html>
`
}

function renderMail({ message, recipients, receivedAt }: Mail): string {
  const { id, from, subject } = message
  return `
<li id="mail-${escapeHtml(id)}"><details>
<summary><span class="subject">${escapeHtml(subject) || '(no subject)'}</span>
<time datetime="${escapeHtml(receivedAt)}" title="${escapeHtml(receivedAt)}">${escapeHtml(localTime(receivedAt))}</time>
<span class="people">To ${escapeHtml(recipients.join(', '))} from ${escapeHtml(from) || 'nobody'}</span></summary>
<div class="body">${renderLinks(message.links)}${renderHtml(message.html)}${renderText(message.text)}</div>
</details></li>`
}

function renderLinks(links: readonly string[]): string {
  if (links.length === 0) return ''
  const items = links
    .map(escapeHtml)
    .map(link => `<li><a href="${link}" target="_blank" rel="noreferrer">${link}</a></li>`)
  return `<ul class="links" aria-label="Links">${items.join('')}</ul>`
}

/** Links open in a tab of their own, outside the sandbox; nothing else leaves the frame. */
function renderHtml(html: string): string {
  if (!html) return ''
  const sandbox = 'allow-popups allow-popups-to-escape-sandbox'
  const source = escapeHtml(`<!doctype html><base target="_blank">${html}`)
  return `<iframe title="HTML of the mail" sandbox="${sandbox}" loading="lazy" srcdoc="${source}"></iframe>`
}

function renderText(text: string): string {
  return text ? `<pre tabindex="0" aria-label="Text of the mail">${escapeHtml(text)}</pre>` : ''
}

function localTime(receivedAt: string): string {
  return new Date(receivedAt).toLocaleTimeString('en-GB')
}
