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
  /** Aborts as soon as the client is at fault. */
  readonly signal: AbortSignal
  /** Rejects with the `Refusal` of a client that is at fault; never resolves. */
  readonly fault: Promise<never>
  /** Ends an upload for which the client still owes a piece; `undefined` where it is the origin that is waited for. */
  giveUp(): Refusal | undefined
}

/** What of the platform's streams keeps a `Content-Length` on the way: Workers send any other stream in chunks. */
const { FixedLengthStream } = globalThis as {
  FixedLengthStream?: new (length: number) => TransformStream<Uint8Array, Uint8Array>
}

/**
 * How much of a refused body is still read, and for how long: a client that is sending sees no answer when its connection is
 * closed meanwhile. Workers themselves read 64 KiB.
 */
const LINGER = { bytes: 1_048_576, ms: 1_000 }

/**
 * Refuses what can be refused unread.
 *
 * @param maxBytes undefined where the size is the origin's to limit
 */
export function refusalUnread(
  { method, headers }: Pick<Request, 'method' | 'headers'>,
  maxBytes: number | undefined
): Refusal | undefined {
  // RFC 9110 §9.3.1: it has no meaning, and no stream of ours can carry it.
  if (method === 'GET' || method === 'HEAD')
    return new Refusal('malformed-request', `a ${method} request has a body`, { detail: `${method} takes no body` })
  // RFC 9112 §6.1: Workers take such a body for one that is only chunked.
  if ((headers.get('transfer-encoding') ?? 'chunked').toLowerCase() !== 'chunked')
    return new Refusal('malformed-request', 'the body has a Transfer-Encoding besides "chunked"')
  // The size that counts is the one that the origin would have to unpack.
  const encoding = headers.get('content-encoding')
  if (maxBytes !== undefined && encoding !== null && encoding.toLowerCase() !== 'identity')
    return new Refusal('unsupported-media-type', 'the body has a Content-Encoding', {
      detail: 'A body is accepted without Content-Encoding only'
    })
  const most = maxBytes ?? Number.MAX_SAFE_INTEGER
  return Number(headers.get('content-length') ?? 0) > most ? tooLarge(most) : undefined
}

/** Begins to hand on the body of a request that was not refused unread. */
// Over 40 lines: the closures share the state of one upload.
export function beginUpload(
  { headers }: Pick<Request, 'headers'>,
  source: ReadableStream<Uint8Array>,
  maxBytes = Number.POSITIVE_INFINITY
): Upload {
  const length = headers.get('content-length')
  const client = new AbortController()
  const { readable, writable } =
    FixedLengthStream === undefined || length === null
      ? new TransformStream<Uint8Array, Uint8Array>()
      : new FixedLengthStream(Number(length))
  const state = { awaits: 'client' as 'client' | 'origin' }
  const abort = (refusal: Refusal) => {
    // Before anything else ends the stream: on Workers a body in chunks that breaks off would arrive as a whole one.
    client.abort(refusal)
    return refusal
  }

  async function handOn(): Promise<void> {
    const [reader, writer] = [source.getReader(), writable.getWriter()]
    for (let bytes = 0; ; ) {
      state.awaits = 'client'
      const { done, value } = await reader.read().catch(() => {
        throw abort(clientFault('broke its body off, or sent it malformed'))
      })
      state.awaits = 'origin'
      if (done) return writer.close()
      bytes += value.byteLength
      if (bytes > maxBytes) {
        const refusal = abort(tooLarge(maxBytes))
        await discard(reader)
        throw refusal
      }
      await writer.write(value)
    }
  }

  return {
    body: readable,
    signal: client.signal,
    fault: new Promise((_, reject) => {
      handOn().catch(error => {
        // Anything else is the origin's, of which `fetch` tells.
        if (error instanceof Refusal) reject(error)
      })
    }),
    giveUp: () => (state.awaits === 'origin' ? undefined : abort(clientFault('did not send its body in time')))
  }
}

/** Reads what a client goes on sending, so that it sees its refusal. */
export async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  async function readOn(): Promise<void> {
    for (let bytes = 0; bytes <= LINGER.bytes; ) {
      const { done, value } = await reader.read()
      if (done) return
      bytes += value.byteLength
    }
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  const isLate = new Promise<void>(resolve => {
    timer = setTimeout(resolve, LINGER.ms)
  })
  await Promise.race([readOn().catch(() => {}), isLate])
  clearTimeout(timer)
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal('payload-too-large', `the body is larger than ${maxBytes} bytes`)
}

function clientFault(what: string): Refusal {
  return new Refusal('malformed-request', `the client ${what}`)
}
