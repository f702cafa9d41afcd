/** A Redis endpoint in front of a real one, with faults that a test turns on and off. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '../../lib/test-engines.ts'

export type Answer = (response: ServerResponse) => void

export interface FaultyRedis {
  readonly url: string
  readonly token: string
  /** The number of requests so far. */
  calls: number
  /** The current fault; `undefined` forwards every request to the real one. */
  fault: Answer | undefined
  /** Forwards to the real one and delays the answer; `Infinity` loses it. */
  lateMs: number
}

/** Opens the endpoint. Without a real one behind it, a fault must always be set. */
export async function openFaultyRedis(
  t: Teardown,
  fault?: Answer,
  real?: { readonly url: string; readonly token: string }
): Promise<FaultyRedis> {
  const faulty = { url: '', token: real?.token ?? 'a-secret-token', calls: 0, fault, lateMs: 0 }
  const server = createServer((request, response) => {
    request.toArray().then(
      chunks => {
        faulty.calls++
        if (faulty.fault !== undefined) faulty.fault(response)
        else
          handOn(request, Buffer.concat(chunks), real?.url ?? '', response, faulty.lateMs).catch(() =>
            response.destroy()
          )
      },
      () => response.destroy()
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  faulty.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return faulty
}

async function handOn(
  request: IncomingMessage,
  body: Buffer,
  url: string,
  response: ServerResponse,
  lateMs: number
): Promise<void> {
  const { authorization = '', 'upstash-encoding': encoding } = request.headers
  const answer = await fetch(url + request.url, {
    method: request.method ?? 'POST',
    headers: {
      authorization,
      'content-type': 'application/json',
      ...(encoding === undefined ? {} : { 'upstash-encoding': String(encoding) })
    },
    body: new Uint8Array(body)
  })
  const text = await answer.text()
  if (lateMs === Number.POSITIVE_INFINITY) return void response.destroy()
  if (lateMs > 0) await new Promise(resolve => setTimeout(resolve, lateMs))
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
}

const text =
  (body: string, status = 200, type = 'application/json'): Answer =>
  response =>
    response.writeHead(status, { 'content-type': type }).end(body)

/** The answer to one command of a pipeline; a shorter list answers only the first commands. */
export const pipelined = (...results: unknown[]): Answer => text(JSON.stringify(results.map(result => ({ result }))))

/** No value in this list is a valid answer of a script. */
export const NONSENSE: Readonly<Record<string, Answer>> = {
  'a page': text('<!doctype html><title>Sign in to the Wi-Fi</title>', 200, 'text/html'),
  'a page with status 502': text('<html>Bad gateway</html>', 502, 'text/html'),
  'status 429': text('{"error":"ERR max requests limit exceeded"}', 429),
  'status 500': text('{"error":"ERR internal"}', 500),
  'status 500 and nothing': text('', 500),
  'status 401': text('{"error":"Unauthorized"}', 401),
  'status 204': response => response.writeHead(204).end(),
  'truncated JSON': text('[{"result":[1,'),
  'no JSON': text('OK', 200, 'text/plain'),
  nothing: text(''),
  'an array': text('[]'),
  'an empty object': text('{}'),
  null: text('null'),
  'a result that is null': text('{"result":null}'),
  'an error with status 200': text('{"error":"LOADING Redis is loading the dataset in memory"}'),
  'an error for each command': text('[{"error":"LOADING"},{"error":"LOADING"},{"error":"LOADING"}]'),
  'NOSCRIPT, always': text('[{"error":"NOSCRIPT No matching script."}]'),
  'results that are null': pipelined(null),
  'a text': pipelined('T0s='),
  'a number': pipelined(1),
  'an empty list': pipelined([]),
  'a list of lists': pipelined([[1, 5, 0, 0, 1]]),
  'a list of nulls': pipelined([null, null, null, null, null]),
  'a list that begins with true': pipelined([true, 5, 0, 0, 1]),
  'four numbers': pipelined([1, 5, 0, 1]),
  'six numbers': pipelined([1, 5, 0, 1, 1, 1]),
  fractions: pipelined([1, 0.5, 0, 0, 1]),
  'more answers than questions': pipelined([1, 5, 0, 0, 1], [1, 5, 0, 0, 1], [1, 5, 0, 0, 1], [1, 5, 0, 0, 1]),
  'a redirect to itself': response => response.writeHead(307, { location: '/' }).end(),
  'a connection that is cut': response => response.destroy(),
  'a body that is cut': response => {
    response.writeHead(200, { 'content-length': '1000' }).write('[{"result":[1,5,0')
    response.destroy()
  },
  'no answer': () => {},
  'half of an answer, and then none': response => response.writeHead(200, { 'content-length': '1000' }).write('{"re')
}

/** Numbers, but not a valid grant of one request under a quota of twenty. */
export const NO_GRANT: Readonly<Record<string, Answer>> = {
  'more granted than asked for': pipelined([2, 5, 0, 0, 1]),
  'more granted for later than asked for': pipelined([0, 0, 5, 0, 1, 10, 2]),
  'more left than the quota': pipelined([1, 1_000_000_000, 0, 0, 1]),
  'all of the quota left after a debit': pipelined([1, 20, 0, 0, 1]),
  'less than nothing left': pipelined([1, -1, 0, 0, 1]),
  'room, and to wait for it': pipelined([1, 5, 7, 0, 1]),
  'no room, and not to wait': pipelined([0, 0, 0, 0, 1]),
  'refused, and to wait for the past': pipelined([0, 0, -5, 0, 1]),
  'numbers too large to be whole': text('[{"result":[1,1e400,0,0,1]}]')
}
