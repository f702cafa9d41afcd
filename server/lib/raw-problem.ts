/** The answer to bytes that are no HTTP request: a problem written straight to the socket. */

import type { Socket } from 'node:net'
import { DATA_ANSWER_HEADERS, PROBLEM_MEDIA_TYPE, REQUEST_ID_HEADER } from '../../edge/contract/http.ts'
import { PROBLEMS, type ProblemCode, problemBody } from '../../edge/contract/problems.ts'
import { createId } from './ids.ts'

/** Node's parser errors that mean something else than "malformed". */
const PARSER_PROBLEMS: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large'
}

/** Answers a client error of the HTTP server and closes the connection. */
export function answerRawProblem(error: NodeJS.ErrnoException, socket: Socket, publicUrl: string, nowMs: number): void {
  // Nobody is there any more to read an answer.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code = PARSER_PROBLEMS[error.code ?? ''] ?? 'malformed-request'
  const requestId = createId(nowMs)
  const body = JSON.stringify(problemBody(publicUrl, code, requestId))
  const headers = {
    ...DATA_ANSWER_HEADERS,
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    [REQUEST_ID_HEADER]: requestId,
    connection: 'close'
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end(`HTTP/1.1 ${PROBLEMS[code].status} ${PROBLEMS[code].title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}
