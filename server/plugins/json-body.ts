/** Parses JSON bodies strictly: valid UTF-8, well-formed text, no NUL. Nothing is replaced or guessed. */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ProblemError } from '../lib/http/problem-error.ts'
import { failure } from '../lib/result.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** RFC 9110 §8.4. With an ignored coding, a proxy and this server would read different bodies. */
const CODED = failure('unsupported-media-type', 'expected no Content-Encoding, found one', {
  detail: 'The body must be sent without a Content-Encoding.'
})

/** Replaces Fastify's body parsers by one for JSON. */
export const jsonBody = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, _reply, done) => {
      const isCoded = request.headers['content-encoding'] !== undefined
      done(isCoded ? new ProblemError(CODED, { 'accept-encoding': 'identity' }) : undefined)
    })
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i,
      { parseAs: 'buffer' },
      async (_request: unknown, body: string | Buffer) => parseJson(body as Buffer)
    )
  },
  { name: 'json-body', fastify: '5.x' }
)

/** @returns `undefined` for an empty body; the schema says whether a body is required */
function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(body))
  } catch {
    throw malformed('expected JSON in UTF-8')
  }
  if (!isWellFormed(value)) throw malformed('found a lone surrogate or a NUL in a string')
  return value
}

/** Walks without recursion: 16 KiB of `[` is deeper than the stack. */
function isWellFormed(root: unknown): boolean {
  const pending: unknown[] = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value === 'string' && (!value.isWellFormed() || value.includes('\0'))) return false
    if (typeof value === 'object' && value !== null) pending.push(...Object.keys(value), ...Object.values(value))
  }
  return true
}

function malformed(reason: string): ProblemError {
  return new ProblemError(failure('malformed-request', reason, { detail: 'The body must be JSON in UTF-8.' }))
}
