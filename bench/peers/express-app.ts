/**
 * The same route on Express 5, set up as the documentation of its parts says.
 *
 * - jsonwebtoken with a key object (§ jwt.verify of its README), so that no request parses a key.
 * - express-rate-limit with its default store and the headers of its quick start, and a limit that no load reaches.
 * - `NODE_ENV=production` (expressjs.com, "Production best practices"); `ETag` and `X-Powered-By` are off, as in most APIs.
 *
 * It does not check revocation.
 */

import { createPublicKey } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import jsonwebtoken from 'jsonwebtoken'
import type { TokenMaterial } from '../lib/tokens.ts'

/** Opens the server and resolves to its URL. It ends with its process. */
export function openExpressApp({ issuer, audience, jwk }: TokenMaterial, path: string): Promise<string> {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(rateLimit({ windowMs: 60_000, limit: 100_000_000, standardHeaders: 'draft-8', legacyHeaders: false }))
  app.get(path, (request, response) => {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ')
    if (scheme !== 'Bearer' || token === undefined) {
      response.status(401).json({ active: false })
      return
    }
    try {
      const claims = jsonwebtoken.verify(token, key, { algorithms: ['ES256'], issuer, audience })
      response.json({ active: true, claims })
    } catch {
      response.status(401).json({ active: false })
    }
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const server: Server = app.listen(0, '127.0.0.1', error => {
    if (error) reject(error)
    else resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
  return promise
}
