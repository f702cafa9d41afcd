/** The HTTP routes of the mailbox. The page is left to `page.ts`, the emails to `store.ts`. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { pageHeaders, renderPage } from './page.ts'
import type { MailStore } from './store.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Creates the listener over `store`; `host` is the address that the server listens on. */
export function createRequestListener(
  store: MailStore,
  host: string
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(store, host, request)
      .catch(() => problem(500, 'Reading or writing the mailbox failed; check its data file'))
      .then(({ status, headers, body }) => response.writeHead(status, headers).end(body))
  }
}

async function answer(store: MailStore, host: string, request: IncomingMessage): Promise<Answer> {
  if (!isForUs(request, host)) return problem(421, 'The mailbox answers only requests to its own address')
  const target = URL.parse(request.url ?? '/', 'http://mailbox')
  const id = /^\/messages\/([\w-]+)$/.exec(target?.pathname ?? '')?.[1]
  const mail = id && store.list().find(({ message }) => message.id === id)
  const method = request.method === 'HEAD' ? 'GET' : request.method

  if (target?.pathname === '/') return method === 'GET' ? page(store, request) : notAllowed('GET, HEAD')
  if (target?.pathname === '/messages') {
    if (method === 'DELETE') return forget(store)
    const to = target.searchParams.get('to') ?? undefined
    return method === 'GET' ? json(200, messages(store, to)) : notAllowed('GET, HEAD, DELETE')
  }
  if (mail) return method === 'GET' ? json(200, mail.message) : notAllowed('GET, HEAD')
  return problem(404, 'Not found: see GET / and GET /messages')
}

const messages = (store: MailStore, to: string | undefined) => store.list(to).map(mail => mail.message)

/** Security: a web page whose name resolves to this machine (DNS rebinding) could read confirmation links. */
function isForUs(request: IncomingMessage, host: string): boolean {
  const named = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  const loopback = ['127.0.0.1', 'localhost', '[::1]', '::1']
  return !loopback.includes(host) || loopback.includes(named)
}

async function forget(store: MailStore): Promise<Answer> {
  await store.clear()
  return { status: 204, headers: {} }
}

/** Answers 304 while nothing has changed: the page asks every few seconds. */
function page(store: MailStore, request: IncomingMessage): Answer {
  const etag = `"${store.version()}"`
  const headers = { ...pageHeaders, etag }
  if (request.headers['if-none-match'] === etag) return { status: 304, headers }
  return { status: 200, headers, body: renderPage(store.list(), etag) }
}

function json(status: number, value: unknown, more: Readonly<Record<string, string>> = {}): Answer {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'"
  }
  return { status, headers: { ...headers, ...more }, body: JSON.stringify(value) }
}

function problem(status: number, error: string): Answer {
  return json(status, { error })
}

function notAllowed(allow: string): Answer {
  return json(405, { error: `This method is not supported here; allowed: ${allow}` }, { allow })
}
