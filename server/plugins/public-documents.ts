/** Documents that any site may read: cached for a while, revalidated by `ETag` (RFC 9110 §13.1.2), never personal. */

import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Any site may read this route. Only for documents that are the same for every reader. */
    readonly publicDocument?: boolean
    /** Replaces the options of @fastify/cors on this route. */
    readonly cors?: object
  }
  interface FastifyReply {
    /** Answers with a document, or with 304 where the client already has it. */
    sendPublicDocument(document: PublicDocument): FastifyReply
  }
}

/** A document that is the same for every reader. */
export interface PublicDocument {
  readonly text: string
  readonly mediaType: string
  readonly maxAgeSeconds: number
}

/** A wildcard never goes with credentials (Fetch Standard §3.2.5). */
const ANY_SITE = { origin: '*', credentials: false, exposedHeaders: null }

/** Adds `reply.sendPublicDocument`, and opens public routes to every site. */
export const publicDocuments = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRoute', route => {
      if (route.config?.publicDocument) route.config = { ...route.config, cors: ANY_SITE }
    })
    app.decorateReply('sendPublicDocument', function ({ text, mediaType, maxAgeSeconds }) {
      const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
      this.header('cache-control', `public, max-age=${maxAgeSeconds}`)
      this.header('etag', etag)
      this.header('cross-origin-resource-policy', 'cross-origin')
      if (isKnown(this.request.headers['if-none-match'], etag)) return this.code(304).send()
      return this.header('content-type', mediaType).send(text)
    })
  },
  { name: 'public-documents', fastify: '5.x' }
)

/** Compares weakly: a proxy that compresses may have weakened the tag (RFC 9110 §8.8.3.2). */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  const tags = ifNoneMatch.split(',').map(tag => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}
