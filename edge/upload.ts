/**
 * A request body on its way to the origin, piece by piece: counted, and watched for whose fault it is where it fails.
 *
 * Security: an attacker who sends half a body must neither have it pass for a whole one, nor make the log say that the
 * origin is away.
 */

import { Refusal } from './refusal.ts'

export interface Upload {
  /** What the origin is sent. */
  readonly body: ReadableStream<Uint8Array>
  /** Aborts as soon as the client is at fault; the reason is the `Refusal`. */
  readonly signal: AbortSignal
  /** Ends an upload for which the client still owes a piece; `undefined` where it is the origin that is waited for. */
  giveUp(): Refusal | undefined
}

/** What of the platform's streams keeps a `Content-Length` on the way: Workers send any other stream in chunks. */
const { FixedLengthStream } = globalThis as {
  FixedLengthStream?: new (length: number) => TransformStream<Uint8Array, Uint8Array>
}

/**
 * Begins to hand on the body of a request.
 *
 * @param maxBytes undefined where the size is the origin's to limit
 * @throws {Refusal} for what can be refused unread
 */
export function beginUpload(
  { method, headers }: Pick<Request, 'method' | 'headers'>,
  source: ReadableStream<Uint8Array>,
  maxBytes = Number.POSITIVE_INFINITY
): Upload {
  const length = headers.get('content-length')
  const declared = length === null ? undefined : Number(length)
  refuseUnread(method, headers.get('content-encoding'), declared, maxBytes)

  const client = new AbortController()
  const { readable, writable } =
    FixedLengthStream === undefined || declared === undefined
      ? new TransformStream<Uint8Array, Uint8Array>()
      : new FixedLengthStream(declared)
  const state = { awaits: 'client' as 'client' | 'origin' }
  const fail = (refusal: Refusal) => {
    // Before anything else ends the stream: on Workers a body in chunks that breaks off would arrive as a whole one.
    client.abort(refusal)
    return refusal
  }
  handOn(source.getReader(), writable.getWriter(), maxBytes, state).catch(error => {
    // Anything else is the origin's, of which `fetch` tells.
    if (error instanceof Refusal) fail(error)
  })
  return {
    body: readable,
    signal: client.signal,
    giveUp: () => (state.awaits === 'origin' ? undefined : fail(clientFault('did not send its body in time')))
  }
}

function refuseUnread(method: string, encoding: string | null, declared: number | undefined, maxBytes: number): void {
  // RFC 9110 §9.3.1: it has no meaning, and no stream of ours can carry it.
  if (method === 'GET' || method === 'HEAD')
    throw new Refusal('malformed-request', `a ${method} request has a body`, { detail: `${method} takes no body` })
  // Where a size is limited, what counts is the size that the origin would have to unpack.
  if (Number.isFinite(maxBytes) && encoding !== null && encoding.toLowerCase() !== 'identity')
    throw new Refusal('unsupported-media-type', 'the body has a Content-Encoding', {
      detail: 'A body is accepted without Content-Encoding only'
    })
  if (declared !== undefined && declared > maxBytes) throw tooLarge(maxBytes)
}

async function handOn(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  maxBytes: number,
  state: { awaits: 'client' | 'origin' }
): Promise<void> {
  for (let bytes = 0; ; ) {
    state.awaits = 'client'
    const { done, value } = await reader.read().catch(() => {
      throw clientFault('broke its body off, or sent it malformed')
    })
    state.awaits = 'origin'
    if (done) return writer.close()
    bytes += value.byteLength
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    await writer.write(value)
  }
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal('payload-too-large', `the body is larger than ${maxBytes} bytes`)
}

function clientFault(what: string): Refusal {
  return new Refusal('malformed-request', `the client ${what}`)
}
