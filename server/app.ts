/** The table of contents of the origin: its plugins and routes, in the order in which a request meets them. */

import cookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import { createFastifyApp } from './fastify-app.ts'
import { accountRoutes } from './features/accounts/routes.ts'
import { adminRoutes } from './features/admin/routes.ts'
import { discoveryRoutes } from './features/discovery/routes.ts'
import { healthRoutes } from './features/health/routes.ts'
import { keyRoutes } from './features/keys/routes.ts'
import { pageRoutes } from './features/pages/routes.ts'
import { passwordRoutes } from './features/passwords/routes.ts'
import { createClearEndedCookie } from './features/sessions/clear-ended-cookie.ts'
import { createFirstSignIn } from './features/sessions/first-sign-in.ts'
import { sessionRoutes } from './features/sessions/routes.ts'
import { verificationRoutes } from './features/verification/routes.ts'
import { authenticate } from './plugins/authenticate.ts'
import { crossOrigin } from './plugins/cross-origin.ts'
import { crossSite } from './plugins/cross-site.ts'
import { createRequestIds, edgeHop } from './plugins/edge-hop.ts'
import { handlerDeadline } from './plugins/handler-deadline.ts'
import { jsonBody } from './plugins/json-body.ts'
import { mailQuotas } from './plugins/mail-quotas.ts'
import { openapi } from './plugins/openapi.ts'
import { problems } from './plugins/problems.ts'
import { publicDocuments } from './plugins/public-documents.ts'
import { requestLog } from './plugins/request-log.ts'
import { requestTarget } from './plugins/request-target.ts'
import { routeMethods } from './plugins/route-methods.ts'
import { routeQuotas } from './plugins/route-quotas.ts'
import { securityHeaders } from './plugins/security-headers.ts'
import { sharedSchemas } from './plugins/shared-schemas.ts'
import { signTokens } from './plugins/sign-tokens.ts'
import type { Ports } from './ports.ts'
import { createRules } from './rules.ts'
import { createOwnTokenVerifier } from './token-verifier.ts'

/** Builds the server; it listens to nothing yet. */
// Over 40 lines: a table of contents, one entry after another.
export async function buildApp(config: Config, ports: Ports): Promise<FastifyInstance> {
  const { publicUrl, apiPrefix: prefix, quotas } = config
  const { keys, limiter, nowMs, log } = ports
  const { hops, genReqId } = createRequestIds(config.edgeSecret, nowMs)
  const verifier = createOwnTokenVerifier(config, keys, log)
  const app = createFastifyApp({ publicUrl, log, genReqId, nowMs })

  // First: both read every route when it is registered, including those of other plugins.
  await app.register(routeMethods)
  await app.register(handlerDeadline, { deadlineMs: 30_000 })
  // Before every plugin that refuses requests: the errors that they throw become answers here.
  await app.register(problems, { publicUrl })
  // Before every hook that can refuse: refusals carry these headers as well.
  await app.register(securityHeaders, { apiPrefix: prefix })
  // The first hook that refuses. Later ones rely on its client address and request id.
  await app.register(edgeHop, { hops, requireEdge: config.requireEdge })
  // After the hop, because it logs the client.
  await app.register(requestLog, { answered: ports.metrics.answered })
  // Before anything reads the target or the body.
  await app.register(requestTarget)
  // Before CORS, which reads the option that this plugin sets on public routes.
  await app.register(publicDocuments)
  // Before the checks of body, quotas and tokens: a page of a listed origin can read their refusals.
  await app.register(crossOrigin, { allowedOrigins: config.allowedOrigins })
  // Before the body is read: a request that another site forged costs no more than its headers.
  await app.register(crossSite, { ownOrigins: new Set([publicUrl, ...config.allowedOrigins]) })
  // Sets cookies only. `lib/http/cookies.ts` reads them, byte for byte.
  await app.register(cookie, { hook: false })
  // Before the routes, which inherit the body parsers.
  await app.register(jsonBody)
  // Before the routes, which name the quotas that they charge.
  await app.register(routeQuotas, { limiter, quotas, nowMs })
  await app.register(mailQuotas, { limiter, quotas, nowMs })
  // Before the routes, which sign tokens and require them.
  await app.register(signTokens, {
    issuer: publicUrl,
    audience: config.tokenAudience,
    clientId: config.tokenClientId,
    ttlSeconds: config.accessTokenTtl,
    activeKey: keys.active,
    nowMs
  })
  await app.register(authenticate, { verifier, status: ports.sessionStatus, seen: ports.confirmations.note, nowMs })
  // Before the routes, which the document lists and which refer to the schemas.
  await app.register(openapi, { publicUrl, docs: config.docs })
  await app.register(sharedSchemas)

  const { sessions, accounts, passwords, verification, admin } = createRules(config, ports)
  await app.register(healthRoutes, { checkReady: ports.checkReady })
  await app.register(keyRoutes, { keys })
  await app.register(discoveryRoutes, { publicUrl, securityContact: config.securityContact, nowMs })
  await app.register(pageRoutes, {
    apiPrefix: prefix,
    passwordPolicy: { minLength: config.passwordMinLength, classes: config.passwordClasses }
  })
  await app.register(accountRoutes, {
    prefix,
    accounts,
    firstSignIn: createFirstSignIn({ sessions, nowMs }),
    clearEndedCookie: createClearEndedCookie(sessions)
  })
  await app.register(passwordRoutes, { prefix, passwords })
  await app.register(verificationRoutes, { prefix, verification })
  await app.register(sessionRoutes, { prefix: `${prefix}/auth`, sessions, verifier, nowMs })
  await app.register(adminRoutes, { prefix: `${prefix}/admin`, admin })
  return app
}
