/** The frame of a page for people: self-contained, readable on a phone, without anything from elsewhere. */

import { createHash } from 'node:crypto'

export interface Page {
  readonly html: string
  /** Allows exactly the page's own style and script, by their hashes, and requests to this service. */
  readonly contentSecurityPolicy: string
}

const STYLE = `
:root { color-scheme: light dark }
body { font: 1.125rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem }
h1 { font-size: 1.6rem; line-height: 1.25 }
button { font: inherit; font-weight: 600; padding: .6rem 1.4rem; border: 0; border-radius: .5rem; background: #1d4ed8; color: #fff; cursor: pointer }
button:focus-visible { outline: 3px solid #f59e0b; outline-offset: 3px }
button:disabled { opacity: .6; cursor: default }
`

/** @param body trusted markup @param script trusted code, run as a module */
export function renderPage({ title, body, script }: { title: string; body: string; script?: string }): Page {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
${script === undefined ? '' : `<script type="module">${script}</script>`}
</body>
</html>
`
  const policy = [
    "default-src 'none'",
    `style-src ${hashSource(STYLE)}`,
    ...(script === undefined ? [] : [`script-src ${hashSource(script)}`, "connect-src 'self'"]),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ]
  return { html, contentSecurityPolicy: policy.join('; ') }
}

function hashSource(content: string): string {
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`
}
