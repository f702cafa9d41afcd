/** The logger of the origin: one JSON object a line, with secrets redacted in case one gets into a line. */

import type { FastifyBaseLogger } from 'fastify'
import { type DestinationStream, pino } from 'pino'

const SECRETS = ['authorization', 'cookie', 'password', 'token', 'refreshToken', 'accessToken']

/** Creates a logger that writes lines of at least this level, to standard output unless a destination is given. */
export function createLogger(level: string, destination?: DestinationStream): FastifyBaseLogger {
  const options = {
    level,
    redact: {
      paths: SECRETS.flatMap(name => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]'
    },
    // Security: a logged request shows its method alone. Its path can hold a mailed token, its headers hold others.
    serializers: { req: (request: { method: string }) => ({ method: request.method }) }
  }
  return pino(options, destination)
}
