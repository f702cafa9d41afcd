/** The OpenAPI document, generated from the schemas of the routes, and Swagger UI where the settings ask for it. */

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { completeDocument } from '../lib/http/openapi-document.ts'
import { VERSION } from '../lib/version.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every answer of the route by status, for the document. */
    readonly documentedAnswers?: Answers
  }
  interface FastifySchema {
    /** The cookies that the route reads, for the document: `readsCookies`. */
    cookies?: unknown
  }
}

type Answers = Readonly<Record<string, unknown>>

/** `test/journeys/swagger-ui.test.ts` follows this journey with the examples of the document. */
const DESCRIPTION = `Sign-in for web APIs. You can try the whole journey on this page, with the examples unchanged:

1. **register** an email address, a password and a name. You receive an email with a link. (An installation that does not require a verified address signs you in at once: continue with step 3 and the \`accessToken\` of that answer.)
2. Open the link and press the button. Or copy the part after \`#token=\` and paste it into **verifyEmail**. A local run prints the address of its mailbox.
3. **login**. Copy \`accessToken\` from the answer, press **Authorize** above the list, and paste it. Your browser keeps the refresh token in a cookie.
4. Every operation with a lock now works until the access token expires. Those under *admin* work for administrators only. Try **readProfile**, **listSessions** or **changeProfile**.
5. **refresh** returns a new access token. In a browser it needs no body.
6. **changePassword** sets the password \`Another-horse-8\`. **forgotPassword** and **resetPassword**, with the token from the email, set the first password again.
7. **logout** ends the session. Its access tokens are refused from that moment.

Every error is an \`application/problem+json\` document (RFC 9457). Its \`type\` is the address of a page that explains it.`

/** Collects the routes that are registered after it, and serves the document where `docs` is set. */
export const openapi = fp(
  async (app: FastifyInstance, { publicUrl, docs }: { publicUrl: string; docs: boolean }) => {
    app.addHook('onRoute', documentOnly)
    await app.register(swagger, {
      openapi: documentFrame(publicUrl),
      transform: ({ schema, url, route }) => ({
        url,
        schema: schema && { ...schema, response: route.config?.documentedAnswers }
      }),
      transformObject: source =>
        'openapiObject' in source ? completeDocument(source.openapiObject) : source.swaggerObject,
      refResolver: { buildLocalReference: json => String(json.$id) }
    })
    if (!docs) return
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      theme: { title: 'Gatehouse API' },
      uiConfig: { validatorUrl: null, persistAuthorization: true, displayOperationId: true, tryItOutEnabled: true }
    })
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  },
  { name: 'openapi', fastify: '5.x' }
)

/** The document without its routes. */
function documentFrame(publicUrl: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Gatehouse',
      description: DESCRIPTION,
      version: VERSION,
      contact: { name: 'The operator of this installation', url: publicUrl },
      license: { name: 'MIT', identifier: 'MIT' }
    },
    servers: [serverAt(publicUrl)],
    tags: [
      { name: 'accounts', description: 'Registration, email address, profile, export and deletion' },
      { name: 'passwords', description: 'Forgotten and changed passwords' },
      { name: 'sessions', description: 'Log in, refresh, log out' },
      { name: 'admin', description: 'User accounts and the audit log, for administrators' },
      { name: 'keys', description: 'Public keys for other services' },
      { name: 'health', description: 'For load balancers' }
    ],
    components: {
      securitySchemes: {
        accessToken: {
          type: 'http' as const,
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The access token of a login: a JWT (RFC 9068), issued and verified according to RFC8725.'
        }
      }
    }
  }
}

/**
 * Keeps the problem answers of a route for the document only. `problems.ts` writes them without a schema, so compiling
 * their serialisers, which are most of all serialisers, would only slow each start down.
 */
function documentOnly(route: RouteOptions): void {
  const answers = route.schema?.response as Answers | undefined
  if (answers === undefined) return
  const written = Object.entries(answers).filter(([status]) => Number(status) < 400)
  route.config = { ...route.config, documentedAnswers: answers }
  route.schema = { ...route.schema, response: Object.fromEntries(written) }
}

/** A public server. API inventories read `x-internal`. */
function serverAt(url: string) {
  return { url, description: 'The edge of this installation, in production or local', 'x-internal': false }
}
