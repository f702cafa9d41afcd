/**
 * A request body on its way to the origin, piece by piece: it is counted, and a failure is attributed to client or
 * origin.
 *
 * Security: half a body of an attacker must neither arrive as a whole one, nor make the log report that the origin is
 * away.
 */

import { type Refusal, refusal } from './refusal.ts'

export interface Upload {
  /** The body for the origin. */
  readonly body: ReadableStream<Uint8Array>
  /** Aborts as soon as the client is at fault. */
  readonly signal: AbortSignal
  /** Resolves where the client is at fault, and never otherwise. */
  readonly fault: Promise<Refusal>
  /** Ends an upload that waits for its client, with a refusal; `undefined` where it waits for the origin. */
  giveUp(): Refusal | undefined
}

/** The stream of Workers that keeps a `Content-Length`: Workers send any other stream in chunks. */
const { FixedLengthStream } = globalThis as {
  FixedLengthStream?: new (length: number) => TransformStream<Uint8Array, Uint8Array>
}

/**
 * The limits within which a refused body is still read: a client sees no answer if its connection is closed while it
 * sends. Workers themselves read 64 KiB.
 */
const LINGER = { bytes: 1_048_576, ms: 1_000 }

/**
 * Refuses a body that can be refused unread.
 *
 * @param maxBytes undefined where the origin limits the size
 */
export function refusalUnread(
  { method, headers }: Pick<Request, 'method' | 'headers'>,
  maxBytes: number | undefined
): Refusal | undefined {
  // RFC 9110 §9.3.1: such a body has no meaning, and no stream of ours can carry it.
  if (method === 'GET' || method === 'HEAD')
    return refusal('malformed-request', `a ${method} request has a body`, `${method} takes no body`)
  // RFC 9112 §6.1: Workers read such a body as if it were only chunked.
  if ((headers.get('transfer-encoding') ?? 'chunked').toLowerCase() !== 'chunked')
    return refusal('malformed-request', 'the body has a Transfer-Encoding besides "chunked"')
  // The size that counts is that after unpacking, which only the origin could see.
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

/** Begins to forward the body of a request that was not refused unread. */
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
    // Before the stream ends: on Workers a broken body in chunks would arrive as a whole one.
    client.abort(new Error(refused.reason))
    return refused
  }

  /** Undefined where the whole body was forwarded. Rejects where the origin does not accept it. */
  async function forwardPieces(): Promise<Refusal | undefined> {
    const reader = source.getReader()
    const writer = writable.getWriter()
    for (let bytes = 0; ; ) {
      state.awaits = 'client'
      const piece = await reader.read().catch(() => undefined)
      if (piece === undefined) return abort(clientFault('aborted its body, or sent it malformed'))
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
      forwardPieces().then(
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

/** Reads on while a client sends, so that the client sees its refusal. */
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
