/**
 * The HTTP server under the framework: its time limits, and at most one answer to each request, in the order of the
 * requests. Routes and their answers are left to the framework.
 */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** The whole request must arrive within this time. */
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_TIMEOUT_MS = 75_000
/** How often Node looks for late requests. A request can exceed `REQUEST_TIMEOUT_MS` by as much. */
const CHECK_EVERY_MS = 1_000

/** The newest request of a connection, and the answer to the one before it. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly before: ServerResponse | undefined
}

/** Creates the server. @param rawAnswer the whole answer, as text, to a request that the HTTP parser refused */
export function createHttpServer(
  onRequest: RequestListener,
  rawAnswer: (error: NodeJS.ErrnoException) => string
): Server {
  const options = {
    connectionsCheckingInterval: CHECK_EVERY_MS,
    // Node's own check would answer without a body. `request-target.ts` checks instead.
    requireHostHeader: false,
    // Security: otherwise the first of several `Authorization`, `Host` or `Content-Type` headers would count here, and
    // another one at a proxy. Joined by a comma, as at the edge, several of them are invalid.
    joinDuplicateHeaders: true
  }
  const server = createServer(options, onRequest)
  server.requestTimeout = REQUEST_TIMEOUT_MS
  // Node swaps the two limits where that of the headers, by default 60 s, is longer: a body would then have 60 s.
  server.headersTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS
  // RFC 9110 §10.1.1 lets a server ignore an unknown expectation. Node's own answer would be an empty 417.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
  answerParserErrors(server, rawAnswer)
  return server
}

/**
 * Security: a request must not get two answers, and an answer must not overtake an earlier one. Otherwise a proxy would
 * hand the answer to another client (response desynchronisation).
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
    // A parser that failed once fails for all bytes that follow.
    if (failed.has(socket)) return
    failed.add(socket)
    void finish(socket, newest.get(socket), () => rawAnswer(error))
  })
}

/** Closes a connection after every answer that was begun, and answers the refused bytes where they have no answer. */
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
