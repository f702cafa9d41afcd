/** The table of contents: builds the origin's HTTP server from its config and its ports, in reading order. */

import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { isSessionLive } from '../db/queries/sessions.ts'
import { CLOCK_SKEW_SECONDS } from '../edge/contract/claims.ts'
import { EXPOSED_HEADERS, PREFLIGHT_MAX_AGE_SECONDS } from '../edge/contract/cors.ts'
import { MAX_BODY_BYTES, MAX_TARGET_BYTES } from '../edge/contract/http.ts'
import type { SessionStatus, TokenSession } from '../edge/revocation/revocation-view.ts'
import { createTokenVerifier } from '../edge/verifier/verify-token.ts'
import { AuditKindShape } from './audit/audit-shapes.ts'
import type { Config } from './config.ts'
import { accountRoutes } from './features/accounts/routes.ts'
import { adminRoutes } from './features/admin/routes.ts'
import { discoveryRoutes } from './features/discovery/routes.ts'
import { healthRoutes } from './features/health/routes.ts'
import { keyRoutes } from './features/keys/routes.ts'
import { pageRoutes } from './features/pages/routes.ts'
import { passwordRoutes } from './features/passwords/routes.ts'
import { deliverBegun } from './features/sessions/deliver.ts'
import { presentedAtSignIn } from './features/sessions/presented.ts'
import { sessionRoutes } from './features/sessions/routes.ts'
import { signOut } from './features/sessions/sign-out.ts'
import { verificationRoutes } from './features/verification/routes.ts'
import { createHttpServer } from './http-server.ts'
import { createNodeSignaturePort } from './lib/crypto/node-signature.ts'
import { orThrow } from './lib/http/problem-error.ts'
import { Problem } from './lib/http/problem-responses.ts'
import { answerUnroutable, rawAnswerTo } from './lib/http/raw-problem.ts'
import { UserShape } from './lib/http/user-shape.ts'
import { authenticate } from './plugins/authenticate.ts'
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
import { signTokens } from './plugins/sign-tokens.ts'
import type { Ports } from './ports.ts'
import { createRequestLogger } from './request-logger.ts'
import { createRules } from './rules.ts'

/** Verified tokens that a process remembers: about 20 MB. */
const REMEMBERED_TOKENS = 10_000

/** Builds the server; it listens to nothing yet. */
export async function buildApp(config: Config, ports: Ports): Promise<FastifyInstance> {
  const { nowMs } = ports
  const { hops, genReqId } = createRequestIds(config.edgeSecret, nowMs)
  const app = Fastify({
    logger: ports.logger ?? false,
    ...(ports.logger ? { childLoggerFactory: createRequestLogger } : {}),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId,
    requestIdHeader: false,
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: MAX_TARGET_BYTES },
    frameworkErrors: (error, request, reply) => answerUnroutable(error, reply.raw, config.publicUrl, request.id),
    serverFactory: onRequest => createHttpServer(onRequest, error => rawAnswerTo(error, config.publicUrl, nowMs())),
    // The server answers these itself; Fastify would answer them too.
    clientErrorHandler: () => {},
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  await app.register(routeMethods)
  await app.register(handlerDeadline, { deadlineMs: 30_000 })
  await app.register(problems, { publicUrl: config.publicUrl })
  await app.register(securityHeaders, { apiPrefix: config.apiPrefix })
  await app.register(edgeHop, { hops, requireEdge: config.requireEdge })
  await app.register(requestLog, { answered: ports.metrics.answered })
  await app.register(requestTarget)
  await app.register(publicDocuments)
  await app.register(cors, {
    // An origin that is not listed gets no CORS header at all; its preflight is a request like any other.
    origin: (origin, answer) =>
      answer(null, origin !== undefined && config.allowedOrigins.includes(origin) ? origin : false),
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    strictPreflight: false,
    credentials: true,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_SECONDS
  })
  await app.register(crossSite, { ownOrigins: new Set([config.publicUrl, ...config.allowedOrigins]) })
  // Cookies are read by ours, byte for byte.
  await app.register(cookie, { hook: false })
  await app.register(jsonBody)
  await app.register(routeQuotas, {
    limiter: ports.limiter,
    quotas: { register: config.quotas.register, 'mailed-tokens': config.quotas.mailedTokens },
    nowMs
  })
  await app.register(mailQuotas, {
    limiter: ports.limiter,
    quotas: {
      'forgot-password': config.quotas.forgotPassword,
      'resend-verification': config.quotas.resendVerification,
      'change-email': config.quotas.resendVerification,
      'change-email-account': config.quotas.changeEmail
    },
    nowMs
  })

  const verifier = createTokenVerifier({
    issuer: config.publicUrl,
    audience: config.tokenAudience,
    algorithms: ['ES256'],
    keys: ports.keys,
    signature: createNodeSignaturePort(),
    maxLifeSeconds: config.accessTokenTtl,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    rememberedTokens: REMEMBERED_TOKENS,
    onMismatch: mismatch => app.log.warn(mismatch, 'a genuine token was refused: was a setting changed?')
  })
  await app.register(signTokens, {
    issuer: config.publicUrl,
    audience: config.tokenAudience,
    clientId: config.tokenClientId,
    ttlSeconds: config.accessTokenTtl,
    activeKey: ports.keys.active,
    nowMs
  })
  await app.register(authenticate, {
    verifier,
    status: session => sessionStanding(ports, session),
    seen: ports.confirmations.note,
    nowMs
  })
  await app.register(openapi, { publicUrl: config.publicUrl, docs: config.docs })
  app.addSchema(Problem)
  app.addSchema(UserShape)
  app.addSchema(AuditKindShape)

  const rules = createRules(config, ports)

  await app.register(healthRoutes, { checkReady: ports.checkReady })
  await app.register(keyRoutes, { keys: ports.keys })
  await app.register(discoveryRoutes, {
    publicUrl: config.publicUrl,
    securityContact: config.securityContact,
    nowMs
  })
  await app.register(pageRoutes, {
    apiPrefix: config.apiPrefix,
    passwordPolicy: { minLength: config.passwordMinLength, classes: config.passwordClasses }
  })
  await app.register(accountRoutes, {
    prefix: config.apiPrefix,
    accounts: rules.accounts,
    signIn: request => {
      const presented = presentedAtSignIn(request)
      return async (user, reply) => {
        const session = orThrow(await rules.sessions.begin(user, presented, request.client))
        return deliverBegun(app, request, reply, session, nowMs())
      }
    },
    signOut: (request, reply, sid) => signOut(rules.sessions, request, reply, sid)
  })
  await app.register(passwordRoutes, { prefix: config.apiPrefix, passwords: rules.passwords })
  await app.register(verificationRoutes, { prefix: config.apiPrefix, verification: rules.verification })
  await app.register(sessionRoutes, {
    prefix: `${config.apiPrefix}/auth`,
    sessions: rules.sessions,
    verifier,
    nowMs
  })
  await app.register(adminRoutes, { prefix: `${config.apiPrefix}/admin`, admin: rules.admin })
  return app
}

/** How a session stands: at once where memory knows, because most requests ask nothing else. */
function sessionStanding(
  { admission, database, nowMs }: Ports,
  session: TokenSession
): SessionStatus | Promise<SessionStatus> {
  const begunAtMs = nowMs()
  // Nothing keeps a process from finishing what it has begun; and it does not reject because of Redis.
  const conversation = admission.begin({ charges: [], begunAtMs, background: work => void work })
  conversation.identify(session, [])
  const preparing = conversation.ready()
  // Where Redis cannot say, the database can, because it is the truth behind it.
  const settled = (known: SessionStatus) =>
    known === 'unknown'
      ? database.run(db => isSessionLive(db, session.sid)).then(isLive => (isLive ? 'live' : 'ended'))
      : known
  return preparing === undefined
    ? settled(conversation.sessionStatus())
    : preparing.then(() => settled(conversation.sessionStatus()))
}
