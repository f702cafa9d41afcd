/** Problem answers to requests that never reach a route, written without the framework. */

import type { ServerResponse } from 'node:http'
import { DATA_ANSWER_HEADERS, PROBLEM_MEDIA_TYPE, REQUEST_ID_HEADER } from '../../../edge/contract/http.ts'
import { PROBLEMS, type ProblemCode, problemBody } from '../../../edge/contract/problems.ts'
import { createId } from '../crypto/ids.ts'

/** Errors of Node's parser and of the router that have a problem of their own. Every other one is malformed. */
const CODES: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload-too-large',
  FST_ERR_MAX_PARAM_LENGTH: 'uri-too-long'
}

/** The whole answer, as text, to bytes that the HTTP parser refused. */
export function rawAnswerTo(error: NodeJS.ErrnoException, publicUrl: string, nowMs: number): string {
  const { status, title, headers, body } = rawProblem(error, publicUrl, createId(nowMs))
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`)
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Answers a request that the router could not read. No hook runs for it. */
export function answerUnroutable(
  error: { readonly code?: string | undefined },
  response: ServerResponse,
  publicUrl: string,
  requestId: string
): void {
  const { status, headers, body } = rawProblem(error, publicUrl, requestId)
  response.writeHead(status, headers).end(body)
}

function rawProblem(error: { readonly code?: string | undefined }, publicUrl: string, requestId: string) {
  const code = CODES[error.code ?? ''] ?? 'malformed-request'
  const body = JSON.stringify(problemBody(publicUrl, code, requestId))
  const headers = {
    ...DATA_ANSWER_HEADERS,
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    [REQUEST_ID_HEADER]: requestId
  }
  return { ...PROBLEMS[code], headers, body }
}
