/**
 * A request body on its way to the origin, piece by piece: counted, and watched for whose fault it is where it fails.
 *
 * Security: an attacker who sends half a body must neither have it pass for a whole one, nor make the log say that the
 * origin is away.
 */

import { type Refusal, refusal } from './refusal.ts'

export interface Upload {
  /** What the origin is sent. */
  readonly body: ReadableStream<Uint8Array>
  /** Aborts as soon as the client is at fault. */
  readonly signal: AbortSignal
  /** Resolves where the client is at fault, and never otherwise. */
  readonly fault: Promise<Refusal>
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
    return refusal('malformed-request', `a ${method} request has a body`, `${method} takes no body`)
  // RFC 9112 §6.1: Workers take such a body for one that is only chunked.
  if ((headers.get('transfer-encoding') ?? 'chunked').toLowerCase() !== 'chunked')
    return refusal('malformed-request', 'the body has a Transfer-Encoding besides "chunked"')
  // The size that counts is the one that the origin would have to unpack.
  const encoding = headers.get('content-encoding')
  if (maxBytes !== undefined && encoding !== null && encoding.toLowerCase() !== 'identity')
    return refusal(
      'unsupported-media-type',
      'the body has a Content-Encoding',
      'A body is accepted without Content-Encoding only'
    )
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
  const abort = (refused: Refusal) => {
    // Before anything else ends the stream: on Workers a body in chunks that breaks off would arrive as a whole one.
    client.abort(new Error(refused.reason))
    return refused
  }

  /** Undefined where the whole body was handed on. Rejects where the origin does not take it. */
  async function handOn(): Promise<Refusal | undefined> {
    const reader = source.getReader()
    const writer = writable.getWriter()
    for (let bytes = 0; ; ) {
      state.awaits = 'client'
      const piece = await reader.read().catch(() => undefined)
      if (piece === undefined) return abort(clientFault('broke its body off, or sent it malformed'))
      state.awaits = 'origin'
      if (piece.done) {
        await writer.close()
        return undefined
      }
      bytes += piece.value.byteLength
      if (bytes > maxBytes) {
        const refused = abort(tooLarge(maxBytes))
        await discard(reader)
        return refused
      }
      await writer.write(piece.value)
    }
  }

  return {
    body: readable,
    signal: client.signal,
    fault: new Promise(resolve => {
      handOn().then(
        refused => {
          if (refused !== undefined) resolve(refused)
        },
        // The origin's fault: `fetch` rejects with it.
        () => {}
      )
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
  return refusal('payload-too-large', `the body is larger than ${maxBytes} bytes`)
}

function clientFault(what: string): Refusal {
  return refusal('malformed-request', `the client ${what}`)
}
