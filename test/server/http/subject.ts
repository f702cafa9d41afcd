/** The origin under test: on a socket, with its database in reach, and with requests that no HTTP client would send. */

import { once } from 'node:events'
import { connect } from 'node:net'
import postgres, { type Sql } from 'postgres'
import type { Teardown } from '../../lib/test-engines.ts'
import { openTestOrigin, type TestOrigin } from '../../lib/test-origin.ts'

/** A root secret without a comma, which would make two of it. */
export const ROOT_SECRET = 'a-root-secret-for-tests-that-is-long-enough'

/** The one origin besides `PUBLIC_URL` from which requests are welcome. */
export const APP_ORIGIN = 'https://app.example.com'

export interface Subject extends TestOrigin {
  readonly sql: Sql
  /** Sends bytes as they are and reads until the server closes the connection. */
  raw(bytes: string | Uint8Array): Promise<RawAnswer>
}

export interface RawAnswer {
  /** 0 where the server closed the connection without an answer. */
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Starts an origin of its own for a test file. */
export async function openSubject(t: Teardown, settings: Readonly<Record<string, string>> = {}): Promise<Subject> {
  const opened = await openTestOrigin(t, {
    ROOT_SECRETS: ROOT_SECRET,
    ALLOWED_ORIGINS: APP_ORIGIN,
    ...settings
  })
  const sql = postgres(opened.databaseUrl, { max: 2, onnotice: () => {} })
  t.teardown(() => sql.end({ timeout: 1 }))
  return { ...opened, sql, raw: bytes => sendRaw(opened.url, bytes) }
}

/** Sends bytes to a server as they are. */
export async function sendRaw(url: string, bytes: string | Uint8Array): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''))
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  // A server that answers before it has read everything may reset the connection after its answer.
  socket.on('error', () => {})
  socket.write(bytes)
  await once(socket, 'close')
  return parseAnswer(Buffer.concat(chunks).toString())
}

/** One HTTP/1.1 request as text, which closes its connection; `headers` as lines. */
export function requestText(
  method: string,
  path: string,
  { headers = [], body }: { headers?: readonly string[]; body?: string | Uint8Array } = {}
): Uint8Array {
  const bytes = Buffer.from(body ?? '')
  const length = body === undefined ? [] : [`Content-Length: ${bytes.length}`]
  const head = [`${method} ${path} HTTP/1.1`, 'Host: gatehouse.test', 'Connection: close', ...length, ...headers]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes])
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, Math.max(0, end)).split('\r\n')
  const headers = new Map(
    lines.map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    })
  )
  const chunked = headers.get('transfer-encoding') === 'chunked'
  const body = text.slice(end + 4)
  return {
    status: Number(first.split(' ')[1] ?? 0),
    headers,
    body: chunked ? body.replace(/^\w+\r\n|\r\n0?\r\n.*$/gs, '') : body
  }
}
