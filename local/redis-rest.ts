/**
 * Serves Upstash's REST protocol over any Redis backend, so that `@upstash/redis` and the edge run locally as in production.
 * It handles HTTP and checks the token; commands run in the backend.
 *
 * | request | answer |
 * |---|---|
 * | `POST /`, one command as a JSON array | 200 `{result}`, or 400 `{error}` |
 * | `POST /pipeline`, an array of commands | 200 `[{result} or {error}, …]`, in order, not atomic |
 * | `POST /multi-exec`, an array of commands | the same, atomic; 400 `{error}` if the transaction was not run |
 *
 * Errors: 400 malformed body, 401 token, 404 path, 405 method, 413 over 1 MiB, 500 if the backend cannot be reached.
 */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RedisBackend } from './redis/backend.ts'
import { RedisError, type Reply } from './redis/reply.ts'
import { encodeAnswer, encodeError, parseCommand, parseCommands } from './redis/rest-codec.ts'
import { createScriptAliases } from './redis/script-aliases.ts'

export type { RedisBackend } from './redis/backend.ts'
export { openEngineBackend } from './redis/engine-backend.ts'
export { openRedisBackend } from './redis/redis-backend.ts'

/** The backend and the token of a gateway. */
export interface RedisRestOptions {
  /** Where commands run. The caller closes it, after the gateway. */
  readonly backend: RedisBackend
  /** The bearer token that every request must carry. */
  readonly token: string
  /** 0 lets the system choose. */
  readonly port?: number
  readonly host?: string
}

/** A listening gateway. */
export interface RedisRest {
  readonly url: string
  readonly token: string
  readonly port: number
  /** HTTP requests answered so far, refusals too. */
  calls(): number
  /** Commands given to the backend so far; a script counts as one. */
  commands(): number
  close(): Promise<void>
}

const maxBodyBytes = 1024 * 1024
const forms = 'POST / with ["GET","key"], POST /pipeline or POST /multi-exec with [["GET","key"], …]'

interface Answer {
  readonly status: number
  readonly body: string
}

const refusal = (status: number, error: string): Answer => ({ status, body: encodeError(error) })

/** Opens a gateway on a loopback port. */
export async function openRedisRest(options: RedisRestOptions): Promise<RedisRest> {
  const { backend, token, port = 0, host = '127.0.0.1' } = options
  if (token === '') throw new TypeError('openRedisRest() was given an empty token: pass the token that clients send')
  const isToken = createTokenCheck(token)
  const service = createService(backend)
  const instance = randomUUID()
  let calls = 0

  // Longer than clients keep connections: a request on a connection that the server is closing would fail.
  const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 120_000 }, async (request, response) => {
    const answer = isToken(request.headers.authorization)
      ? await service.answer(request).catch(error => refusal(500, `ERR ${(error as Error).message}`))
      : refusal(401, 'Unauthorized')
    calls++
    send(request, response, answer, `${instance}:${calls}`)
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    token,
    port: bound,
    calls: () => calls,
    commands: service.commands,
    close: async () => {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    }
  }
}

/** Security: compares digests in constant time, so that the timing reveals neither the token nor its length. */
function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(`Bearer ${token}`)
  return authorization => timingSafeEqual(digest(authorization ?? ''), expected)
}

function send(request: IncomingMessage, response: ServerResponse, { status, body }: Answer, syncToken: string): void {
  // Drains an unread body, so that a client that is still sending it can read the answer.
  request.resume()
  if (status === 405) response.setHeader('allow', 'POST')
  if (status === 401) response.setHeader('www-authenticate', 'Bearer')
  if (status === 413) response.setHeader('connection', 'close')
  response.setHeader('content-type', 'application/json')
  response.setHeader('upstash-sync-token', syncToken)
  response.writeHead(status).end(body)
}

function createService(backend: RedisBackend) {
  const scripts = createScriptAliases()
  let commands = 0

  const run = async (words: readonly string[]): Promise<Reply> => {
    commands++
    return restoreSha(words, await backend.execute(scripts.rewrite(words)))
  }
  const transact = async (list: readonly (readonly string[])[]) => {
    commands += list.length
    const replies = await backend.multi(list.map(scripts.rewrite))
    return replies instanceof RedisError ? replies : replies.map((reply, at) => restoreSha(list[at] ?? [], reply))
  }

  const routes = new Map([
    ['/', (body: unknown, base64: boolean) => answerOne(body, base64, run)],
    ['/pipeline', (body: unknown, base64: boolean) => answerList(body, base64, list => Promise.all(list.map(run)))],
    ['/multi-exec', (body: unknown, base64: boolean) => answerList(body, base64, transact)]
  ])

  return {
    commands: () => commands,
    async answer(request: IncomingMessage): Promise<Answer> {
      const path = (request.url ?? '').split('?', 1)[0] ?? ''
      const route = routes.get(path)
      if (!route) return refusal(404, `ERR no such path. This endpoint accepts ${forms}`)
      if (request.method !== 'POST')
        return refusal(405, `ERR method ${request.method} is not allowed. This endpoint accepts ${forms}`)
      const body = await readJson(request)
      return 'status' in body ? body : route(body.json, request.headers['upstash-encoding'] === 'base64')
    }
  }
}

async function answerOne(
  body: unknown,
  base64: boolean,
  run: (command: readonly string[]) => Promise<Reply>
): Promise<Answer> {
  const command = parseCommand(body)
  if (typeof command === 'string') return refusal(400, command)
  const reply = await run(command)
  return { status: reply instanceof RedisError ? 400 : 200, body: encodeAnswer(reply, base64) }
}

async function answerList(
  body: unknown,
  base64: boolean,
  run: (commands: readonly (readonly string[])[]) => Promise<readonly Reply[] | RedisError>
): Promise<Answer> {
  const commands = parseCommands(body)
  if (typeof commands === 'string') return refusal(400, commands)
  const replies = await run(commands)
  if (replies instanceof RedisError) return refusal(400, replies.message)
  return { status: 200, body: `[${replies.map(reply => encodeAnswer(reply, base64)).join()}]` }
}

/** SCRIPT LOAD answers with the SHA-1 of the script as the client sent it, even if flags were removed from it. */
function restoreSha([name = '', verb = '', script = '']: readonly string[], reply: Reply): Reply {
  const loaded = typeof reply === 'string' && name.toLowerCase() === 'script' && verb.toLowerCase() === 'load'
  return loaded ? createHash('sha1').update(script).digest('hex') : reply
}

async function readJson(request: IncomingMessage): Promise<{ json: unknown } | Answer> {
  const tooLarge = refusal(413, `ERR the body is larger than ${maxBodyBytes} bytes: send fewer commands at once`)
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return tooLarge
  const bytes = await readBody(request)
  if (!bytes) return tooLarge
  try {
    return { json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) }
  } catch {
    return refusal(400, `ERR the body is not JSON in UTF-8. This endpoint accepts ${forms}`)
  }
}

/** Reads a body; undefined if it is too large. Uses events, because leaving an async loop would destroy the socket. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBodyBytes) chunks.push(chunk)
      else resolve(undefined)
    })
  })
}
