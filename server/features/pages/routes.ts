/** Serves the pages that mailed links open, and those that the `type` of a problem leads to. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { MAX_TARGET_BYTES } from '../../../edge/contract/http.ts'
import { isProblemCode, PROBLEMS } from '../../../edge/contract/problems.ts'
import { ProblemError } from '../../lib/http/problem-error.ts'
import { cancelEmailChangePage } from './cancel-email-change-page.ts'
import { type Page, renderPage } from './page.ts'
import { type PasswordRules, resetPasswordPage } from './reset-password-page.ts'
import { verifyEmailPage } from './verify-email-page.ts'

/** The parts of the configuration that the pages need. */
export interface PageRoutesOptions {
  readonly apiPrefix: string
  /** The rules of a new password, shown before one is refused. */
  readonly passwordPolicy: PasswordRules
}

/** Every page. Each is rendered once, at the start. */
export const pageRoutes: FastifyPluginAsyncTypebox<PageRoutesOptions> = async (app, { apiPrefix, passwordPolicy }) => {
  const verifyEmail = verifyEmailPage(apiPrefix)
  const resetPassword = resetPasswordPage(apiPrefix, passwordPolicy)
  const cancelEmailChange = cancelEmailChangePage(apiPrefix)

  serveLinked(app, '/verify-email', verifyEmail)
  serveLinked(app, '/reset-password', resetPassword)
  serveLinked(app, '/cancel-email-change', cancelEmailChange)

  app.get(
    '/problems/:code',
    { schema: { hide: true, params: Type.Object({ code: Type.String({ maxLength: MAX_TARGET_BYTES }) }) } },
    async (request, reply) => {
      const { code } = request.params
      if (!isProblemCode(code)) throw new ProblemError('not-found')
      const { status, title } = PROBLEMS[code]
      return send(reply, renderPage({ title, body: `<p>Problem <code>${code}</code>, HTTP status ${status}.</p>` }))
    }
  )
}

/** A parameter of the router that matches from an encoded `#` to the end of the segment. */
const ENCODED_FRAGMENT = ':fragment(^#.*$)'

/**
 * Serves a page that mailed links lead to.
 *
 * Some mail gateways encode the `#` of a link. The token then arrives in the path, as `%23token=…`, and the page reads
 * it there. Security: the log holds the pattern of a route, so it never contains such a token.
 */
function serveLinked(app: FastifyInstance, path: string, page: Page): void {
  for (const url of [path, path + ENCODED_FRAGMENT]) {
    app.get(url, { schema: { hide: true } }, async (_request, reply) => send(reply, page))
  }
}

function send(reply: FastifyReply, page: Page): FastifyReply {
  return reply
    .header('content-security-policy', page.contentSecurityPolicy)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(page.html)
}
