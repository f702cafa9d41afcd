/** Fastify with the house's limits, strict validation, and no answer of its own. Plugins and routes are `app.ts`'s. */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyServerOptions, LogController } from 'fastify'
import { MAX_BODY_BYTES, MAX_TARGET_BYTES } from '../edge/contract/http.ts'
import { createHttpServer } from './http-server.ts'
import { answerUnroutable, rawAnswerTo } from './lib/http/raw-problem.ts'
import { createRequestLogger } from './request-logger.ts'

/** Request ids come from the caller, because they carry the verified hop. */
export interface FastifyAppOptions {
  readonly publicUrl: string
  readonly log: FastifyBaseLogger
  readonly genReqId: NonNullable<FastifyServerOptions['genReqId']>
  readonly nowMs: () => number
}

/** Creates an app without plugins and routes; it listens to nothing yet. */
export function createFastifyApp({ publicUrl, log, genReqId, nowMs }: FastifyAppOptions) {
  return Fastify({
    loggerInstance: log,
    childLoggerFactory: createRequestLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId,
    requestIdHeader: false,
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: MAX_TARGET_BYTES },
    frameworkErrors: (error, request, reply) => answerUnroutable(error, reply.raw, publicUrl, request.id),
    serverFactory: onRequest => createHttpServer(onRequest, error => rawAnswerTo(error, publicUrl, nowMs())),
    // The server answers these itself; Fastify would answer them a second time.
    clientErrorHandler: () => {},
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true } }
  }).withTypeProvider<TypeBoxTypeProvider>()
}
