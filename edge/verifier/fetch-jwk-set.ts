/** One download of a key set, with a deadline and strict checks; `remote-key-set.ts` decides when to download. */

import { afterDeadline } from '../contract/after-deadline.ts'
import { type Parsed, type ParseFailure, parseFailure } from '../contract/parsed.ts'
import { parseJsonMembers } from './json-members.ts'
import { parseJwkSet, type UsableKey } from './public-jwk.ts'
import type { TokenAlgorithm } from './token-algorithm.ts'

/** The part of `fetch` that is needed, so that a test, a cache or a service binding can replace it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** The location of a key set, and the limits of an accepted answer. */
interface JwkSetRequest {
  readonly url: string
  readonly fetch: Fetch
  readonly algorithms: readonly TokenAlgorithm[]
  /** For the whole download, from the first byte sent to the last one read. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

// RFC 7517 §8.5.1 and plain JSON. The page of a captive portal is refused here, before it is parsed.
const JSON_MEDIA_TYPE = /^application\/(?:jwk-set\+)?json\s*(?:;|$)/i

/** Downloads a key set. Never rejects: every failure is a reason. */
export async function fetchJwkSet(request: JwkSetRequest): Promise<Parsed<readonly UsableKey[]>> {
  const deadline = new AbortController()
  const expired = Promise.withResolvers<ParseFailure>()
  const cancelDeadline = afterDeadline(request.timeoutMs, () => {
    expired.resolve(parseFailure(`no answer within ${request.timeoutMs} ms`))
    deadline.abort()
  })
  try {
    // Raced as well as signalled: the caller's `fetch` may ignore the signal.
    return await Promise.race([download(request, deadline.signal), expired.promise])
  } catch (error) {
    return parseFailure(`the request failed: ${error instanceof Error ? error.name : typeof error}`)
  } finally {
    cancelDeadline()
  }
}

async function download(request: JwkSetRequest, signal: AbortSignal): Promise<Parsed<readonly UsableKey[]>> {
  // Called as a bare function: workerd's `fetch` refuses any other `this`.
  const { fetch } = request
  // Security: a redirect could replace the keys by an attacker's. Not 'error', which workerd does not support.
  const response = await fetch(request.url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'manual',
    signal
  })
  const fault = findFault(response)
  if (fault !== undefined) {
    await response.body?.cancel()
    return parseFailure(fault)
  }

  const bytes = await readAtMost(response, request.maxBytes)
  if (!bytes) return parseFailure(`the answer is longer than ${request.maxBytes} bytes`)
  const document = parseJsonMembers(bytes)
  return document.ok
    ? parseJwkSet(document.value, request.algorithms)
    : parseFailure(`the answer is ${document.reason}`)
}

function findFault(response: Response): string | undefined {
  if (response.redirected) return 'the answer came by a redirect'
  if (response.status !== 200) return `the answer has the status ${response.status}`

  return JSON_MEDIA_TYPE.test(response.headers.get('content-type') ?? '')
    ? undefined
    : 'the answer is not typed as JSON'
}

/** Reads a body; undefined where it is too long. The length is counted while reading, because it is not declared. */
async function readAtMost(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const reader = response.body?.getReader()
  if (!reader) return new Uint8Array()

  const chunks: Uint8Array[] = []
  let length = 0
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    length += read.value.byteLength
    if (length > maxBytes) {
      await reader.cancel()
      return undefined
    }
    chunks.push(read.value)
  }

  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}
