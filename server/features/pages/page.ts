/** The frame of a page for browsers: self-contained, readable on a phone, without any external resource. */

import { createHash } from 'node:crypto'
import { STYLE } from './style.ts'

/** A page, ready to be sent. */
export interface Page {
  readonly html: string
  /** Allows only the page's own style and script, by their hashes, and requests to this service. */
  readonly contentSecurityPolicy: string
}

/** @param body trusted markup @param script trusted code, run as a module */
export function renderPage({ title, body, script }: { title: string; body: string; script?: string }): Page {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1 tabindex="-1">${title}</h1>
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
