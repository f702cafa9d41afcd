/** The OpenAPI document, generated from the routes' own schemas, and Swagger UI where it is wanted. */

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { completeDocument } from '../lib/openapi-document.ts'

export const openapi = fp(
  async (app: FastifyInstance, { publicUrl, docs }: { publicUrl: string; docs: boolean }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Gatehouse',
          description:
            'Sign-in for web APIs. Register, open the mailed link, log in, and press **Authorize** with the access token. ' +
            'Every error is `application/problem+json` (RFC 9457).',
          version: '1.0.0',
          contact: { name: 'Whoever runs this installation', url: publicUrl },
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
      transformObject: source =>
        'openapiObject' in source ? completeDocument(source.openapiObject) : source.swaggerObject,
      refResolver: { buildLocalReference: json => String(json.$id) }
    })
    if (!docs) return
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      uiConfig: { validatorUrl: null, persistAuthorization: true, displayOperationId: true, tryItOutEnabled: true }
    })
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  },
  { name: 'openapi', fastify: '5.x' }
)

/** For the public; `x-internal` is how inventories of APIs ask. */
function serverAt(url: string) {
  return { url, description: 'The edge of this installation, in production or local', 'x-internal': false }
}
