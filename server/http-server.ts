/**
 * The HTTP server under the framework: its time limits, and one answer at most to each request, in the order of the
 * requests. Routes and their answers are the framework's.
 */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The whole request has to arrive within this time. */
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_TIMEOUT_MS = 75_000
/** How often Node looks for requests that are too late, and so by how much `REQUEST_TIMEOUT_MS` is exceeded at most. */
const CHECK_EVERY_MS = 1_000

/** The newest request of a connection, and the answer to the one before it. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly before: ServerResponse | undefined
}

/** @param rawAnswer the whole answer, as text, to a request that the HTTP parser refused; it closes the connection */
export function createHttpServer(
  onRequest: RequestListener,
  rawAnswer: (error: NodeJS.ErrnoException) => string
): Server {
  const options = {
    connectionsCheckingInterval: CHECK_EVERY_MS,
    // Node's own check answers without a body. `request-target.ts` makes it.
    requireHostHeader: false,
    // Security: otherwise the first `Authorization`, `Host` or `Content-Type` counts here, and another one for a proxy.
    // Joined by a comma, as at the edge, several of them are invalid.
    joinDuplicateHeaders: true
  }
  const server = createServer(options, onRequest)
  server.requestTimeout = REQUEST_TIMEOUT_MS
  // Node exchanges the two where the limit for headers, 60 s by default, is the longer one: a body would have 60 s.
  server.headersTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS
  // RFC 9110 §10.1.1 lets a server ignore an expectation that it does not know. Node's own answer is an empty 417.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
  answerParserErrors(server, rawAnswer)
  return server
}

/**
 * Security: an answer to bytes that belong to a request which has one already, or an answer that overtakes an earlier
 * one, would be taken by a proxy for the answer to a request of another client (response desynchronisation).
 */
function answerParserErrors(server: Server, rawAnswer: (error: NodeJS.ErrnoException) => string): void {
  const newest = new WeakMap<Duplex, Exchange>()
  const failed = new WeakSet<Duplex>()

  server.on('request', (request, response) => {
    newest.set(request.socket, { request, response, before: newest.get(request.socket)?.response })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isUnused = 'bytesRead' in socket && socket.bytesRead === 0
    if (error.code === 'ECONNRESET' || !socket.writable || isUnused) return void socket.destroy()
    // A parser that has failed once fails for everything that follows.
    if (failed.has(socket)) return
    failed.add(socket)
    void finish(socket, newest.get(socket), () => rawAnswer(error))
  })
}

/** Closes a connection after every answer that was begun, and after one more where the refused bytes have none. */
async function finish(socket: Duplex, exchange: Exchange | undefined, answer: () => string): Promise<void> {
  if (exchange === undefined) return void socket.end(answer())
  const { request, response, before } = exchange
  const isNewRequest = request.complete
  if (!isNewRequest && before !== undefined) await closed(before)
  if (request.complete || response.headersSent) await closed(response)
  if (isNewRequest || !response.headersSent) socket.end(answer())
  else socket.end()
}

function closed(response: ServerResponse): Promise<void> {
  return response.closed ? Promise.resolve() : new Promise(resolve => response.once('close', resolve))
}
