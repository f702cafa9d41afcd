/** Protects the routes of another Fastify service with our access tokens; who has logged out since is not asked here. */

import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { type AccessClaims, CLOCK_SKEW_SECONDS, DEFAULT_ACCESS_TOKEN_TTL_SECONDS } from '../edge/contract/claims.ts'
import { bearerChallenge, PROBLEM_MEDIA_TYPE, parseBearer } from '../edge/contract/http.ts'
import { PROBLEMS, type ProblemCode, problemBody } from '../edge/contract/problems.ts'
import { type OptionNames, requireOptions } from '../edge/contract/require-options.ts'
import type { Mismatch } from '../edge/verifier/mismatch.ts'
import { createRemoteKeySet } from '../edge/verifier/remote-key-set.ts'
import { createTokenVerifier } from '../edge/verifier/verify-token.ts'
import { createNodeSignaturePort } from '../server/lib/crypto/node-signature.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Lets only requests with a good access token through: `onRequest: app.authenticate`. */
    authenticate(request: FastifyRequest, reply: FastifyReply): Promise<unknown>
    /** Authenticates, and lets only these roles through: `onRequest: app.requireRole('admin')`. */
    requireRole(role: Role, ...more: Role[]): onRequestAsyncHookHandler
  }
  interface FastifyRequest {
    /** The claims of the request's token. @throws where the route has neither `authenticate` nor `requireRole` */
    user: AccessClaims
  }
}

export type { AccessClaims } from '../edge/contract/claims.ts'

/** What a user may be. */
export type Role = AccessClaims['role']

export interface GatehouseOptions {
  /** Who issues the tokens, to the letter: `PUBLIC_URL` of the origin. */
  readonly issuer: string
  /** Whom tokens must be for, to the letter: `TOKEN_AUDIENCE` of the origin; `null` accepts any, and says so aloud. */
  readonly audience: string | null
  /** Where the issuer publishes its keys: `/.well-known/jwks.json`. An https URL, or an http one on loopback. */
  readonly jwksUrl: string
  /** The longest life that a token may claim, `ACCESS_TOKEN_TTL` of the origin. 900 seconds unless told otherwise. */
  readonly maxTokenLifeSeconds?: number
  /** The clock. */
  readonly nowMs?: () => number
}

/** What Fastify itself reads of a plugin's options. */
interface RegisterOptions {
  readonly prefix?: unknown
  readonly logLevel?: unknown
  readonly logSerializers?: unknown
}

const NAMES: OptionNames<GatehouseOptions & RegisterOptions> = {
  issuer: 'required',
  audience: 'required',
  jwksUrl: 'required',
  maxTokenLifeSeconds: 'optional',
  nowMs: 'optional',
  prefix: 'optional',
  logLevel: 'optional',
  logSerializers: 'optional'
}

/** A request that is refused; the reason is for the log. */
interface Refusal {
  readonly code: ProblemCode
  readonly reason: string
}

/** After a 503. */
const RETRY_AFTER_SECONDS = 1

/**
 * The plugin. Keys are fetched at the first request, kept, and renewed behind later ones; as long as none could ever be
 * fetched, every protected route answers 503. Registration fails with a TypeError on an option that is missing, unknown
 * or invalid. A genuine token that the options refuse is a warning in the service's log, once a minute at most.
 *
 * @example
 * await app.register(gatehouse, { issuer, audience, jwksUrl })
 * app.get('/orders', { onRequest: app.authenticate }, async request => ordersOf(request.user.sub))
 * app.get('/reports', { onRequest: app.requireRole('admin') }, async () => reports())
 */
export const gatehouse = fp(
  async (app: FastifyInstance, options: GatehouseOptions) => {
    checkOptions(options)
    const authenticate = createAuthenticate(app, options)
    const verified = new WeakMap<FastifyRequest, AccessClaims>()
    const refuse = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal) =>
      sendProblem(request, reply, options.issuer, refusal)

    app.decorateRequest('user', {
      getter() {
        const claims = verified.get(this)
        if (claims) return claims
        throw new Error(`"${this.routeOptions.url}" reads request.user without onRequest: app.authenticate`)
      }
    })
    app.decorate('authenticate', async (request: FastifyRequest, reply: FastifyReply) => {
      const claims = await authenticate(request)
      if ('code' in claims) return refuse(request, reply, claims)
      verified.set(request, claims)
    })
    app.decorate('requireRole', (...roles: Role[]): onRequestAsyncHookHandler => {
      requireRoles(roles)
      return async (request, reply) => {
        const claims = verified.get(request) ?? (await authenticate(request))
        if ('code' in claims) return refuse(request, reply, claims)
        verified.set(request, claims)
        if (roles.includes(claims.role)) return
        return refuse(request, reply, { code: 'forbidden', reason: `the role is not one of "${roles.join('", "')}"` })
      }
    })
  },
  { name: 'gatehouse', fastify: '5.x' }
)

/** Creates the step from a request to the claims of its token. */
function createAuthenticate(app: FastifyInstance, options: GatehouseOptions) {
  const { issuer, audience, jwksUrl, nowMs = Date.now } = options
  const signature = createNodeSignaturePort()
  const algorithms = ['ES256'] as const
  const onRefusal = (reason: string) => app.log.warn({ reason }, 'the keys of the issuer could not be renewed')
  const keys = createRemoteKeySet({ url: jwksUrl, fetch, signature, algorithms, onRefusal })
  const verifier = createTokenVerifier({
    issuer,
    audience,
    algorithms,
    keys,
    signature,
    maxLifeSeconds: options.maxTokenLifeSeconds ?? DEFAULT_ACCESS_TOKEN_TTL_SECONDS,
    clockSkewSeconds: CLOCK_SKEW_SECONDS,
    onMismatch: mismatch => app.log.warn(mismatch, WARNINGS[mismatch.claim])
  })

  return async (request: FastifyRequest): Promise<AccessClaims | Refusal> => {
    const bearer = isRepeated(request) ? ({ kind: 'invalid' } as const) : parseBearer(request.headers.authorization)
    if (bearer.kind !== 'token') return { code: `token-${bearer.kind}`, reason: `the bearer token is ${bearer.kind}` }

    const now = nowMs()
    const verdict = await verifier.verify(bearer.token, now)
    // Renewed behind this request and never awaited; it cannot reject.
    void keys.refreshIfStale(now)
    if (verdict.ok) return verdict.claims
    return { code: verdict.code === 'keys-unavailable' ? 'unavailable' : verdict.code, reason: verdict.reason }
  }
}

const WARNINGS: Readonly<Record<Mismatch['claim'], string>> = {
  iss: 'a genuine token was refused: is the option "issuer" the PUBLIC_URL of the origin, to the letter?',
  aud: 'a genuine token was refused: is the option "audience" the TOKEN_AUDIENCE of the origin, to the letter?',
  life: 'a genuine token was refused: is the option "maxTokenLifeSeconds" the ACCESS_TOKEN_TTL of the origin?'
}

/** Security: Node keeps the first of several `Authorization` headers, and a proxy may have checked another one. */
function isRepeated({ raw: { rawHeaders } }: FastifyRequest): boolean {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 13 && name.toLowerCase() === 'authorization') count += 1
  }
  return count > 1
}

/** Answers as the origin does (RFC 9457), past the error handler of a service that may have its own shape of errors. */
function sendProblem(request: FastifyRequest, reply: FastifyReply, issuer: string, { code, reason }: Refusal) {
  const { status } = PROBLEMS[code]
  request.log[status === 503 ? 'warn' : 'debug']({ code, reason }, 'refused')
  if (status === 401) reply.header('www-authenticate', bearerChallenge(code))
  if (status === 503) reply.header('retry-after', String(RETRY_AFTER_SECONDS))
  return reply
    .code(status)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problemBody(issuer, code, request.id))
}

/** TypeScript says most of this already; JavaScript, and a configuration that was cast, do not. */
function checkOptions(options: GatehouseOptions): void {
  requireOptions('protect this service', options, NAMES)
  const { maxTokenLifeSeconds: life = DEFAULT_ACCESS_TOKEN_TTL_SECONDS } = options
  if (Number.isSafeInteger(life) && life > 0) return
  throw new TypeError('Cannot protect this service: the option "maxTokenLifeSeconds" must be a positive whole number')
}

/** TypeScript says this already; JavaScript does not, and a misspelt role would only show when somebody is refused. */
function requireRoles(roles: readonly Role[]): void {
  const known: readonly Role[] = ['user', 'admin']
  const unknown = roles.find(role => !known.includes(role))
  if (roles.length > 0 && unknown === undefined) return
  const found = roles.length === 0 ? 'none was given' : `"${unknown}" is not one`
  throw new TypeError(`Cannot require a role: ${found}. Roles are "${known.join('" and "')}"`)
}
