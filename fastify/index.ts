/** Protects the routes of a Fastify service with Gatehouse's access tokens; it does not check for ended sessions. */

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
    /** Accepts only requests with a valid access token: `onRequest: app.authenticate`. */
    authenticate(request: FastifyRequest, reply: FastifyReply): Promise<unknown>
    /** Authenticates, and accepts only these roles: `onRequest: app.requireRole('admin')`. */
    requireRole(role: Role, ...more: Role[]): onRequestAsyncHookHandler
  }
  interface FastifyRequest {
    /** The claims of the request's token. @throws on a route without `authenticate` or `requireRole` */
    user: AccessClaims
  }
}

export type { AccessClaims } from '../edge/contract/claims.ts'

/** The role of a user. */
export type Role = AccessClaims['role']

/** The options of the plugin. */
export interface GatehouseOptions {
  /** The accepted issuer, compared exactly: `PUBLIC_URL` of the origin. */
  readonly issuer: string
  /** The accepted audience, compared exactly: `TOKEN_AUDIENCE` of the origin; `null` explicitly accepts any. */
  readonly audience: string | null
  /** The URL of the issuer's keys, `/.well-known/jwks.json`: https, or http on loopback. */
  readonly jwksUrl: string
  /** The longest accepted life of a token: `ACCESS_TOKEN_TTL` of the origin. 900 seconds by default. */
  readonly maxTokenLifeSeconds?: number
  /** The clock; `Date.now` by default. */
  readonly nowMs?: () => number
}

/** The options that Fastify itself reads. */
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

/** A refused request. The reason is for the log. */
interface Refusal {
  readonly code: ProblemCode
  readonly reason: string
}

/** The `Retry-After` of a 503. */
const RETRY_AFTER_SECONDS = 1

/**
 * The plugin. Keys are fetched at the first request, kept, and renewed behind later requests. Until a first fetch
 * succeeds, every protected route answers 503. Registration fails with a TypeError on an option that is missing, unknown
 * or invalid. A genuine token that the options refuse causes a warning in the service's log, at most once a minute.
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

/** Creates the function that verifies the token of a request. */
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
    const verified = await verifier.verify(bearer.token, now)
    // Renewed behind this request, never awaited. It cannot reject.
    void keys.refreshIfStale(now)
    if (verified.ok) return verified.claims
    return { code: verified.code === 'keys-unavailable' ? 'unavailable' : verified.code, reason: verified.reason }
  }
}

const WARNINGS: Readonly<Record<Mismatch['claim'], string>> = {
  iss: 'a genuine token was refused: set the option "issuer" to exactly the PUBLIC_URL of the origin',
  aud: 'a genuine token was refused: set the option "audience" to exactly the TOKEN_AUDIENCE of the origin',
  life: 'a genuine token was refused: set the option "maxTokenLifeSeconds" to the ACCESS_TOKEN_TTL of the origin'
}

/** Security: Node keeps the first of several `Authorization` headers, but a proxy may have checked another of them. */
function isRepeated({ raw: { rawHeaders } }: FastifyRequest): boolean {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === 13 && name.toLowerCase() === 'authorization') count += 1
  }
  return count > 1
}

/** Answers as the origin does (RFC 9457). The service's own error handler may have another form of errors. */
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

/** TypeScript finds most of these faults, but not in JavaScript or in a cast configuration. */
function checkOptions(options: GatehouseOptions): void {
  requireOptions('protect this service', options, NAMES)
  const { maxTokenLifeSeconds: life = DEFAULT_ACCESS_TOKEN_TTL_SECONDS } = options
  if (Number.isSafeInteger(life) && life > 0) return
  throw new TypeError('Cannot protect this service: the option "maxTokenLifeSeconds" must be a positive whole number')
}

/** TypeScript finds these faults, JavaScript does not. A misspelt role would refuse every user. */
function requireRoles(roles: readonly Role[]): void {
  const known: readonly Role[] = ['user', 'admin']
  const unknown = roles.find(role => !known.includes(role))
  if (roles.length > 0 && unknown === undefined) return
  const found = roles.length === 0 ? 'found no role' : `found "${unknown}"`
  throw new TypeError(`Cannot require a role: expected "${known.join('" or "')}", ${found}`)
}
