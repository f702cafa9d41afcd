/** The table of contents: builds the origin's HTTP server from its config and its ports, in reading order. */

import { cpus } from 'node:os'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import type { Database } from '../db/client.ts'
import { isSessionLive } from '../db/queries/sessions.ts'
import { CLOCK_SKEW_SECONDS } from '../edge/contract/claims.ts'
import { EXPOSED_HEADERS } from '../edge/contract/cors.ts'
import { MAX_BODY_BYTES } from '../edge/contract/http.ts'
import type { Limiter } from '../edge/limiter/redis-limiter.ts'
import type { RevocationView } from '../edge/revocation/revocation-view.ts'
import { createTokenVerifier } from '../edge/verifier/verify-token.ts'
import type { Config } from './config.ts'
import { accountRoutes } from './features/accounts/routes.ts'
import { createAccountsService } from './features/accounts/service.ts'
import { healthRoutes } from './features/health/routes.ts'
import { keyRoutes } from './features/keys/routes.ts'
import type { KeysService } from './features/keys/service.ts'
import { pageRoutes } from './features/pages/routes.ts'
import { deliverSession } from './features/sessions/deliver.ts'
import { sessionRoutes } from './features/sessions/routes.ts'
import { createSessionsService } from './features/sessions/service.ts'
import { verificationRoutes } from './features/verification/routes.ts'
import { createVerificationService } from './features/verification/service.ts'
import { deriveKeys } from './lib/derived-keys.ts'
import { createHashQueue } from './lib/hash-queue.ts'
import { createNodeSignaturePort } from './lib/node-signature.ts'
import { createPasswordHasher } from './lib/password-hash.ts'
import { Problem } from './lib/problem-responses.ts'
import { answerRawProblem } from './lib/raw-problem.ts'
import { createRefreshTokens } from './lib/refresh-token.ts'
import type { SealedBox } from './lib/sealed-box.ts'
import { UserShape } from './lib/user-shape.ts'
import { authenticate } from './plugins/authenticate.ts'
import { crossSite } from './plugins/cross-site.ts'
import { createRequestIds, edgeHop } from './plugins/edge-hop.ts'
import { jsonBody } from './plugins/json-body.ts'
import { openapi } from './plugins/openapi.ts'
import { problems } from './plugins/problems.ts'
import { requestLog } from './plugins/request-log.ts'
import { routeMethods } from './plugins/route-methods.ts'
import { routeQuotas } from './plugins/route-quotas.ts'
import { securityHeaders } from './plugins/security-headers.ts'
import { signTokens } from './plugins/sign-tokens.ts'

/** What the server needs from outside its own process, already opened. */
export interface Ports {
  readonly database: Database
  readonly limiter: Limiter
  readonly revocation: RevocationView
  readonly keys: KeysService
  readonly box: SealedBox
  /** Tells the edges that sessions have ended; false where they could not be told yet. */
  readonly announceEnds: (sids: readonly string[]) => Promise<boolean>
  /** Says that there is something in the outbox. */
  readonly wakeMail: () => void
  /** Rejects where the database or Redis does not answer. */
  readonly checkReady: () => Promise<void>
  readonly nowMs: () => number
  readonly logger: FastifyServerOptions['logger']
}

/** Fifty a core is what the cores work off in about eight seconds at cost 12. */
const WAITING_HASHES_PER_CORE = 50

/** Builds the server; it listens to nothing yet. */
export async function buildApp(config: Config, ports: Ports): Promise<FastifyInstance> {
  const { database, nowMs } = ports
  const { hops, genReqId } = createRequestIds(config.edgeSecret, nowMs)
  const app = Fastify({
    logger: ports.logger ?? false,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId,
    requestIdHeader: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 15_000,
    handlerTimeout: 30_000,
    keepAliveTimeout: 75_000,
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: (error, socket) => answerRawProblem(error, socket, config.publicUrl, nowMs()),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  await app.register(routeMethods)
  await app.register(problems, { publicUrl: config.publicUrl })
  await app.register(securityHeaders, { apiPrefix: config.apiPrefix })
  await app.register(edgeHop, { hops, requireEdge: config.requireEdge })
  await app.register(requestLog)
  await app.register(cors, {
    origin: [...config.allowedOrigins],
    credentials: true,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: 600
  })
  await app.register(crossSite, { ownOrigins: new Set([config.publicUrl, ...config.allowedOrigins]) })
  await app.register(cookie)
  await app.register(jsonBody)
  await app.register(routeQuotas, {
    limiter: ports.limiter,
    quotas: { register: config.quotas.register, 'mailed-tokens': config.quotas.mailedTokens },
    nowMs
  })

  const verifier = createTokenVerifier({
    issuer: config.publicUrl,
    audience: config.tokenAudience,
    algorithms: ['ES256'],
    keys: ports.keys,
    signature: createNodeSignaturePort(),
    maxLifeSeconds: config.accessTokenTtl,
    clockSkewSeconds: CLOCK_SKEW_SECONDS
  })
  await app.register(signTokens, {
    issuer: config.publicUrl,
    audience: config.tokenAudience,
    ttlSeconds: config.accessTokenTtl,
    activeKey: ports.keys.active,
    nowMs
  })
  await app.register(authenticate, { verifier, standing: sid => sessionStanding(ports, sid), nowMs })
  await app.register(openapi, { publicUrl: config.publicUrl, docs: config.docs })
  app.addSchema(Problem)
  app.addSchema(UserShape)

  const keys = deriveKeys(config.rootSecrets)
  const cores = cpus().length
  const queue = createHashQueue({ concurrency: cores, maxWaiting: cores * WAITING_HASHES_PER_CORE })
  const hasher = await createPasswordHasher({ keys, cost: config.bcryptCost, queue })
  const shared = { ...ports, hasher, emailVerification: config.emailVerification }
  const sessions = createSessionsService({ ...shared, refreshTokens: createRefreshTokens(keys), limits: config })
  const accounts = createAccountsService({
    ...shared,
    verificationTtl: config.verificationTtl,
    passwordPolicy: { minLength: config.passwordMinLength, classes: config.passwordClasses }
  })
  const verification = createVerificationService({ database, nowMs })

  await app.register(healthRoutes, { checkReady: ports.checkReady })
  await app.register(keyRoutes, { keys: ports.keys })
  await app.register(pageRoutes, { apiPrefix: config.apiPrefix })
  await app.register(accountRoutes, {
    prefix: config.apiPrefix,
    accounts,
    signIn: async (user, request, reply) =>
      deliverSession(
        app,
        request,
        reply,
        await sessions.start(user, false, undefined, request.client),
        config.accessTokenTtl
      )
  })
  await app.register(verificationRoutes, { prefix: config.apiPrefix, verification })
  await app.register(sessionRoutes, {
    prefix: `${config.apiPrefix}/auth`,
    sessions,
    verifier,
    accessTokenTtl: config.accessTokenTtl,
    nowMs
  })
  return app
}

/** How a session stands; where Redis cannot say, the database can, because it is the truth behind it. */
async function sessionStanding({ revocation, database, nowMs }: Ports, sid: string) {
  const standing = await revocation.standing(sid, nowMs())
  if (standing !== 'unknown') return standing
  return (await database.run(db => isSessionLive(db, sid))) ? 'live' : 'ended'
}
