/** Turns every error into a problem answer (RFC 9457). No other place does so for a routed request. */

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { DatabaseUnavailableError } from '../../db/client.ts'
import { bearerChallenge, PROBLEM_MEDIA_TYPE } from '../../edge/contract/http.ts'
import { type InvalidMember, PROBLEMS, type ProblemCode, problemBody } from '../../edge/contract/problems.ts'
import { ProblemError } from '../lib/http/problem-error.ts'
import { QueueFullError } from '../lib/passwords/hash-queue.ts'
import { type Failure, failure } from '../lib/result.ts'

/** A body of 16 KiB can be wrong in thousands of places. A client that mends these can ask again. */
const MAX_FINDINGS = 20

/** Fastify's own errors, by their codes. */
const FASTIFY_PROBLEMS: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported-media-type',
  FST_ERR_HANDLER_TIMEOUT: 'unavailable'
}

/** Sets the error handler and the not-found handler. */
export const problems = fp(
  async (app: FastifyInstance, { publicUrl }: { publicUrl: string }) => {
    app.setErrorHandler((error: FastifyError, request, reply) => {
      const known = error instanceof ProblemError ? error.failure : failureOf(error)
      if (error instanceof ProblemError) reply.headers(error.headers)
      if (known.problem === 'internal') request.log.error({ err: error }, 'unforeseen error')
      else
        request.log[known.problem === 'unavailable' ? 'warn' : 'debug'](
          { code: known.problem, reason: known.reason },
          'refused'
        )
      return sendProblem(reply, request, publicUrl, known)
    })
    app.setNotFoundHandler((request, reply) => {
      const allowed = app.methodsFor(request.url)
      if (allowed.length === 0) return sendProblem(reply, request, publicUrl, failure('not-found', 'no such route'))
      reply.header('allow', allowed.join(', '))
      return sendProblem(reply, request, publicUrl, failure('method-not-allowed', 'no such method on this route'))
    })
  },
  { name: 'problems', fastify: '5.x', dependencies: ['route-methods'] }
)

/** Sends a failure as an answer, without its `reason`, which is for the log only. */
function sendProblem(reply: FastifyReply, request: FastifyRequest, publicUrl: string, known: Failure): FastifyReply {
  const { ok, problem, reason, retryAfterSeconds, ...extras } = known
  const { status } = PROBLEMS[problem]
  if (status === 401) reply.header('www-authenticate', bearerChallenge(problem))
  const wait = retryAfterSeconds ?? (problem === 'unavailable' ? 1 : undefined)
  if (wait !== undefined) reply.header('retry-after', String(wait))
  return reply
    .code(status)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problemBody(publicUrl, problem, request.id, extras))
}

function failureOf(error: FastifyError): Failure {
  if (error.validation) {
    return failure('invalid-request', 'schema', { errors: invalidMembers(error.validation) })
  }
  if (error instanceof DatabaseUnavailableError) return failure('unavailable', error.message, { retryAfterSeconds: 1 })
  if (error instanceof QueueFullError) {
    return failure('unavailable', error.message, { retryAfterSeconds: error.retryAfterSeconds })
  }
  const code = FASTIFY_PROBLEMS[error.code]
  if (code === 'unavailable') return failure(code, error.message, { retryAfterSeconds: 1 })
  if (code !== undefined) return failure(code, error.message)
  const isClientError = error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
  return isClientError ? failure('malformed-request', error.code) : failure('internal', error.message)
}

type Finding = NonNullable<FastifyError['validation']>[number]

/** The first finding about each member: a number in place of a role violates two keywords of its schema at once. */
function invalidMembers(findings: readonly Finding[]): InvalidMember[] {
  const members = new Map<string, InvalidMember>()
  for (const finding of findings) {
    const member = invalidMember(finding)
    if (!members.has(member.pointer)) members.set(member.pointer, member)
    if (members.size === MAX_FINDINGS) break
  }
  return [...members.values()]
}

/** One finding of the schema validator, as a pointer into the body and a text. */
function invalidMember(finding: Finding): InvalidMember {
  const { missingProperty, additionalProperty } = finding.params as Record<string, string | undefined>
  if (missingProperty !== undefined) return at(finding.instancePath, missingProperty, 'is required')
  if (additionalProperty !== undefined) return at(finding.instancePath, additionalProperty, 'is not known here')
  return { pointer: finding.instancePath, detail: detailOf(finding) }
}

/** Characters of a list of allowed values. A longer list stands in the OpenAPI document only. */
const MAX_LISTED = 100

function detailOf({ keyword, params, message }: Finding): string {
  const { type, allowedValues } = params as { type?: string | string[]; allowedValues?: string[] }
  // The second type is `null`, which stands for an omitted optional body.
  if (keyword === 'type') return `must be ${[type].flat()[0]}`
  const listed = allowedValues?.join(', ') ?? ''
  if (keyword === 'enum' && listed.length <= MAX_LISTED) return `must be one of: ${listed}`
  return message ?? 'is not valid'
}

/** Characters of a JSON Pointer in an answer. A longer pointer is cut. */
const MAX_POINTER = 256

function at(path: string, member: string, detail: string): InvalidMember {
  // A member's name can be as long as the body, and the schema of the answer bounds the pointer.
  const pointer = `${path}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`.slice(0, MAX_POINTER)
  return { pointer: pointer.toWellFormed(), detail }
}
