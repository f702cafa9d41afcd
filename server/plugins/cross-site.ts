/** Refuses state-changing requests that another site made a browser send (CSRF). */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ProblemError } from '../lib/http/problem-error.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Adds the check of every state-changing request. */
export const crossSite = fp(
  async (app: FastifyInstance, { ownOrigins }: { ownOrigins: ReadonlySet<string> }) => {
    app.addHook('onRequest', (request, _reply, done) => {
      const isRefused = !SAFE_METHODS.has(request.method) && isCrossSite(request, ownOrigins)
      done(isRefused ? new ProblemError('cross-site-request') : undefined)
    })
  },
  { name: 'cross-site', fastify: '5.x', dependencies: ['edge-hop'] }
)

/**
 * Security: a page cannot forge `Origin`. Sandboxed pages and redirects send `null`, so it is never one of ours. Without
 * `Origin` a browser sends `Sec-Fetch-Site`. Other clients send neither, and another site cannot make them send cookies.
 */
function isCrossSite(request: FastifyRequest, ownOrigins: ReadonlySet<string>): boolean {
  const { origin } = request.headers
  if (origin !== undefined) return !ownOrigins.has(origin)
  const site = request.headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}
