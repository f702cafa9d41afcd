/** CORS for the origins that the settings list. `public-documents` opens single routes to every site. */

import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { EXPOSED_HEADERS, PREFLIGHT_MAX_AGE_SECONDS } from '../../edge/contract/cors.ts'

/** Registers @fastify/cors for the listed origins. */
export const crossOrigin = fp(
  async (app: FastifyInstance, { allowedOrigins }: { allowedOrigins: readonly string[] }) => {
    await app.register(cors, {
      // An origin that is not listed gets no CORS header at all; its preflight is a request like any other.
      origin: (origin, answer) =>
        answer(null, origin !== undefined && allowedOrigins.includes(origin) ? origin : false),
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      strictPreflight: false,
      credentials: true,
      exposedHeaders: EXPOSED_HEADERS,
      maxAge: PREFLIGHT_MAX_AGE_SECONDS
    })
  },
  { name: 'cross-origin', fastify: '5.x', dependencies: ['public-documents'] }
)
