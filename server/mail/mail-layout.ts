/** Lays out an email as text and as HTML: greeting, paragraphs, one link, closing. The texts are in `templates.ts`. */

import { escapeHtml } from '../lib/http/escape-html.ts'

/** The content of one email, as plain text. */
export interface MailContent {
  readonly subject: string
  /** The recipient's name; without it the greeting has none. */
  readonly name?: string | undefined
  readonly paragraphs: readonly string[]
  readonly link?: MailLink
  readonly closing: readonly string[]
  /** The address of the service, in the footer. */
  readonly publicUrl: string
}

/** A link, shown as a button in HTML. */
export interface MailLink {
  readonly label: string
  readonly url: string
  /** The code to enter if the link does not work: some mail gateways drop its fragment. */
  readonly code?: { readonly page: string; readonly token: string }
}

/** An email, ready for the transport. */
export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** Self-contained, without images or tracking. The email stays readable in a mail program that drops the style. */
const STYLE = `
:root { color-scheme: light dark; supported-color-schemes: light dark }
body { margin: 0; padding: 24px 16px; background: #f3f4f6; color: #1f2937; font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { display: block; max-width: 32rem; margin: 0 auto; padding: 8px 24px 16px; background: #fff; border: 1px solid #e5e7eb; border-radius: 12px }
h1 { margin: 16px 0 8px; font-size: 20px; line-height: 1.3 }
p { margin: 12px 0; overflow-wrap: anywhere }
.button { display: inline-block; padding: 12px 20px; background: #1d4ed8; border-radius: 8px; color: #fff; font-weight: 600; text-decoration: none }
.small { color: #4b5563; font-size: 14px }
.small a { color: #1d4ed8 }
.code { font: 14px/1.6 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace }
@media (prefers-color-scheme: dark) {
  body { background: #111827; color: #e5e7eb }
  main { background: #1f2937; border-color: #374151 }
  .small { color: #d1d5db }
  .small a { color: #93c5fd }
}
`

/**
 * Lays out an email.
 *
 * Security: every text is escaped here, whatever its source, so that no name or device injects HTML.
 */
export function layOutMail(content: MailContent): RenderedMail {
  return { subject: content.subject, text: renderText(content), html: renderHtml(content) }
}

function renderText({ name, paragraphs, link, closing, publicUrl }: MailContent): string {
  const linked = link ? [`${link.label}:\n${link.url}`] : []
  if (link?.code) linked.push(`${enterCode(link.code.page)}\n${link.code.token}`)
  return `${[greeting(name), ...paragraphs, ...linked, ...closing, `-- \n${publicUrl}`].join('\n\n')}\n`
}

function renderHtml({ subject, name, paragraphs, link, closing, publicUrl }: MailContent): string {
  const title = escapeHtml(subject)
  return `<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${[greeting(name), ...paragraphs].map(text => `<p>${escapeHtml(text)}</p>`).join('\n')}
${link ? renderLink(link) : ''}
${closing.map(text => `<p class="small">${escapeHtml(text)}</p>`).join('\n')}
<p class="small">${escapeHtml(publicUrl)}</p>
</main>
</body>
</html>
`
}

/** The URL is shown in full, too, for recipients that copy it or check the target of a button. */
function renderLink({ label, url, code }: MailLink): string {
  const href = escapeHtml(url)
  const button = `<p><a class="button" href="${href}">${escapeHtml(label)}</a></p>
<p class="small">Or open this link: <a href="${href}">${href}</a></p>`
  return code === undefined ? button : `${button}\n${renderCode(code)}`
}

/** The token has a line of its own in the HTML source, too, for programs that show an email as text. */
function renderCode({ page, token }: NonNullable<MailLink['code']>): string {
  return `<p class="small">${escapeHtml(enterCode(page))}</p>
<p class="code">
${escapeHtml(token)}
</p>`
}

function enterCode(page: string): string {
  return `If the link does not work, open ${page} and enter this code:`
}

function greeting(name: string | undefined): string {
  return name === undefined || name === '' ? 'Hello,' : `Hello ${name},`
}
