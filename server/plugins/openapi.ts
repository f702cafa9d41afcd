/** The OpenAPI document, generated from the routes' own schemas, and Swagger UI where it is wanted. */

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { completeDocument } from '../lib/http/openapi-document.ts'
import { VERSION } from '../lib/version.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every answer of the route, by status, as the document tells it. */
    readonly documentedAnswers?: Answers
  }
  interface FastifySchema {
    /** The cookies that the route reads, for the document: `readsCookies`. */
    cookies?: unknown
  }
}

type Answers = Readonly<Record<string, unknown>>

/** The journey passes with the examples as they stand; `test/journeys/swagger-ui.test.ts` takes it. */
const DESCRIPTION = `Sign-in for web APIs. The whole journey, on this page, with the examples as they stand:

1. **register** an email address, a password and a name. A link is mailed to the address. (Where an installation needs no verified address, you are signed in at once: continue with step 3.)
2. Open the link and press its button. Or copy the part after \`#token=\` and paste it into **verifyEmail**. A local run prints the address of its mailbox.
3. **login**. Copy \`accessToken\` from the answer, press **Authorize** above the list, and paste it. The refresh token is a cookie that your browser keeps.
4. Every operation with a lock works now, until the access token expires; those under *admin* only for administrators. Try **readProfile**, **listSessions** or **changeProfile**.
5. **refresh** needs no body in a browser. It gives a new access token.
6. **changePassword** sets the password \`Another-horse-8\`. **forgotPassword** and **resetPassword**, with the mailed token, set the first one again.
7. **logout** ends the session. Its access tokens are refused from then on.

Every error is \`application/problem+json\` (RFC 9457); its \`type\` leads to a page about it.`

export const openapi = fp(
  async (app: FastifyInstance, { publicUrl, docs }: { publicUrl: string; docs: boolean }) => {
    app.addHook('onRoute', documentOnly)
    await app.register(swagger, {
      openapi: {
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
          { name: 'accounts', description: 'Registration, mail address, profile, export and deletion' },
          { name: 'passwords', description: 'Forgotten, new and changed passwords' },
          { name: 'sessions', description: 'Log in, refresh, log out' },
          { name: 'admin', description: 'People and the audit log, for administrators' },
          { name: 'keys', description: 'Public keys for other services' },
          { name: 'health', description: 'For load balancers' }
        ],
        components: {
          securitySchemes: {
            accessToken: {
              type: 'http',
              scheme: 'bearer',
              bearerFormat: 'JWT',
              description: 'An access token from logging in: a JWT (RFC 9068), issued and checked as RFC8725 asks.'
            }
          }
        }
      },
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

/**
 * Keeps the problems of a route for the document alone. They are written without a schema (`problems.ts`), and every
 * start would make their serialisers, most of all that there are, for nobody.
 */
function documentOnly(route: RouteOptions): void {
  const answers = route.schema?.response as Answers | undefined
  if (answers === undefined) return
  const written = Object.entries(answers).filter(([status]) => Number(status) < 400)
  route.config = { ...route.config, documentedAnswers: answers }
  route.schema = { ...route.schema, response: Object.fromEntries(written) }
}

/** For the public; `x-internal` is how inventories of APIs ask. */
function serverAt(url: string) {
  return { url, description: 'The edge of this installation, in production or local', 'x-internal': false }
}
