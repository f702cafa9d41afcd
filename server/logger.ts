/** How the origin logs: one JSON object a line, with everything secret cut out should it ever get there. */

import type { FastifyServerOptions } from 'fastify'

/** Logger options for Fastify (pino). */
export function loggerOptions(level: string): FastifyServerOptions['logger'] {
  return {
    level,
    redact: {
      paths: ['authorization', 'cookie', 'password', 'token', 'refreshToken', 'accessToken'].flatMap(name => [
        name,
        `*.${name}`,
        `*.*.${name}`
      ]),
      censor: '[redacted]'
    },
    // A request in a log line is its method alone: its path can hold a mailed token, its headers hold others.
    serializers: { req: (request: { method: string }) => ({ method: request.method }) }
  }
}
