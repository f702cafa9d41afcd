/** Well-known locations (RFC 8615) besides the keys: metadata for verifiers, and links for password managers and finders. */

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { JWKS_MAX_AGE_SECONDS } from '../../../edge/contract/key-lifetimes.ts'
import { problems } from '../../lib/http/problem-responses.ts'
import { Metadata, metadataOf } from './metadata.ts'
import { securityTxt } from './security-txt.ts'

export interface DiscoveryRoutesOptions {
  readonly publicUrl: string
  /** A URI; without one there is no security.txt. */
  readonly securityContact: string | undefined
  readonly nowMs: () => number
}

/** The same as for the keys: verifiers renew both together. */
const METADATA_MAX_AGE_SECONDS = JWKS_MAX_AGE_SECONDS
const SECURITY_TXT_MAX_AGE_SECONDS = 86_400

export const discoveryRoutes: FastifyPluginAsyncTypebox<DiscoveryRoutesOptions> = async (app, options) => {
  const { publicUrl, securityContact } = options
  const metadata = {
    text: JSON.stringify(metadataOf(publicUrl)),
    mediaType: 'application/json',
    maxAgeSeconds: METADATA_MAX_AGE_SECONDS
  }
  for (const [path, operationId, summary] of [
    ['oauth-authorization-server', 'authorizationServerMetadata', 'Issuer, key URL and algorithms (RFC 8414)'],
    ['openid-configuration', 'openidConfiguration', 'The same, where OpenID Connect verifiers look for it']
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

  // https://w3c.github.io/webappsec-change-password-url/: without a link, that page asks for an address to mail one to.
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
