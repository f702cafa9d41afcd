/** The OpenAPI document, generated from the routes' own schemas, and Swagger UI where it is wanted. */

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

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
          version: '1.0.0'
        },
        servers: [{ url: publicUrl }],
        tags: [
          { name: 'accounts', description: 'Registration and profile' },
          { name: 'sessions', description: 'Log in, refresh, log out' },
          { name: 'keys', description: 'Public keys for other services' },
          { name: 'health', description: 'For load balancers' }
        ],
        components: {
          securitySchemes: { accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } }
        }
      },
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
