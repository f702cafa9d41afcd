/** Refuses requests with an invalid target, host or framing. */

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { MAX_TARGET_BYTES } from '../../edge/contract/http.ts'
import { ProblemError } from '../lib/http/problem-error.ts'
import { failure } from '../lib/result.ts'

/** Adds the check of every request line and its framing headers. */
export const requestTarget = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.url.length > MAX_TARGET_BYTES) return done(new ProblemError('uri-too-long'))
      const reason = faultOf(request.raw)
      done(reason === undefined ? undefined : new ProblemError(failure('malformed-request', reason)))
    })
  },
  { name: 'request-target', fastify: '5.x', dependencies: ['edge-hop', 'problems'] }
)

/** Characters of a host and a port (RFC 3986 §3.2.2) without the comma, which joins several `Host` headers. */
const HOST = /^[\w.~!$&'()*+;=%:[\]-]*$/

function faultOf({ httpVersion, headers }: IncomingMessage): string | undefined {
  // RFC 9112 §3.2. Node's own check is off, because it answers without a body (see `http-server.ts`).
  const { host } = headers
  if (host === undefined && httpVersion === '1.1') return 'expected a Host header, found none'
  if (host !== undefined && !HOST.test(host)) return 'expected one valid Host header, found several or an invalid one'
  // RFC 9112 §6.1. Node decodes the chunks and ignores every other coding.
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return 'expected the transfer coding "chunked", found another one'
  return undefined
}
