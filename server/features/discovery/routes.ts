/** Well-known locations (RFC 8615) besides the keys: metadata, a link for password managers, a contact. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { JWKS_MAX_AGE_SECONDS } from '../../../edge/contract/key-lifetimes.ts'
import { problems } from '../../lib/http/problem-responses.ts'
import { Metadata, metadataOf } from './metadata.ts'
import { securityTxt } from './security-txt.ts'

/** The parts of the configuration that are published. */
export interface DiscoveryRoutesOptions {
  readonly publicUrl: string
  /** A URI. If undefined, `security.txt` is not served. */
  readonly securityContact: string | undefined
  readonly nowMs: () => number
}

/** The same as for the keys: verifiers renew both together. */
const METADATA_MAX_AGE_SECONDS = JWKS_MAX_AGE_SECONDS
const SECURITY_TXT_MAX_AGE_SECONDS = 86_400

/** Every well-known location except the keys. */
export const discoveryRoutes: FastifyPluginAsyncTypebox<DiscoveryRoutesOptions> = async (app, options) => {
  const { publicUrl, securityContact } = options
  const metadata = {
    text: JSON.stringify(metadataOf(publicUrl)),
    mediaType: 'application/json',
    maxAgeSeconds: METADATA_MAX_AGE_SECONDS
  }
  for (const [path, operationId, summary] of [
    ['oauth-authorization-server', 'authorizationServerMetadata', 'Issuer, key URL and algorithms (RFC 8414)'],
    ['openid-configuration', 'openidConfiguration', 'The same document at the location of OpenID Connect Discovery']
  ] as const) {
    app.get(
      `/.well-known/${path}`,
      {
        config: { publicDocument: true },
        schema: { operationId, summary, tags: ['keys'], response: { 200: Metadata, ...problems() } }
      },
      async (_request, reply) => reply.sendPublicDocument(metadata) as never
    )
  }

  // https://w3c.github.io/webappsec-change-password-url/: without a token, that page offers to request a link.
  app.get('/.well-known/change-password', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').redirect('/reset-password', 302)
  )

  if (securityContact === undefined) return
  app.get(
    '/.well-known/security.txt',
    { config: { publicDocument: true }, schema: { hide: true } },
    async (_request, reply) =>
      reply.sendPublicDocument({
        text: securityTxt(publicUrl, securityContact, options.nowMs()),
        mediaType: 'text/plain; charset=utf-8',
        maxAgeSeconds: SECURITY_TXT_MAX_AGE_SECONDS
      })
  )
}
