/** Runs Lua scripts in Redis, several in one round trip: by their SHA-1, or by source where Redis does not know it. */

import { namespacedKey } from '../contract/redis-keys.ts'
import type { Redis } from './open-redis.ts'

/** A Lua script. */
export interface Script {
  readonly source: string
  /** SHA-1 of `source` in lower-case hex, pinned beside it. */
  readonly sha1: string
}

/** One script with its keys and arguments. */
export interface ScriptCall {
  readonly script: Script
  /** Names of `contract/redis-keys.ts`; the namespace of the client is put before them. */
  readonly keys: readonly string[]
  readonly args: readonly (string | number)[]
}

/**
 * Redis did not answer in time, or answered with an error or an invalid reply.
 *
 * Its message never quotes the command: the client's own error does, with every key and argument.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

interface Reply {
  readonly result?: unknown
  readonly error?: string | undefined
}

/**
 * Runs scripts in one round trip, in order. Each script is atomic, all of them together are not.
 *
 * @returns their raw replies, with a `StoreError` in the place of a refused one: `replyOf` throws it
 * @throws {StoreError} where all of them failed; scripts may have run nevertheless
 */
export async function runScripts(redis: Redis, calls: readonly ScriptCall[]): Promise<readonly unknown[]> {
  const replies = await send(redis, calls, 'evalsha')
  const unknown = calls.filter((_, i) => isNoScript(replies[i]))
  const again = unknown.length === 0 ? [] : await send(redis, unknown, 'eval')
  return calls.map((call, i) => {
    const reply = isNoScript(replies[i]) ? again[unknown.indexOf(call)] : replies[i]
    return typeof reply?.error === 'string' ? refusedBy(reply.error) : reply?.result
  })
}

/** One of the replies of `runScripts`. @throws {StoreError} where Redis refused the script */
export function replyOf(reply: unknown): unknown {
  if (reply instanceof StoreError) throw reply
  return reply
}

/** Runs one script and returns its raw reply. @throws {StoreError} */
export async function runScript(redis: Redis, call: ScriptCall): Promise<unknown> {
  const [reply] = await runScripts(redis, [call])
  return replyOf(reply)
}

async function send(redis: Redis, calls: readonly ScriptCall[], by: 'eval' | 'evalsha'): Promise<readonly Reply[]> {
  const pipeline = redis.pipeline()
  const inNamespace = (keys: readonly string[]) => keys.map(key => namespacedKey(redis.namespace, key))
  for (const { script, keys, args } of calls) {
    pipeline[by](by === 'eval' ? script.source : script.sha1, inNamespace(keys), args.map(String))
  }
  let replies: unknown
  try {
    replies = await pipeline.exec({ keepErrors: true })
  } catch (error) {
    throw storeError(error)
  }
  if (Array.isArray(replies) && replies.length === calls.length) return replies as Reply[]
  throw new StoreError(
    `expected ${calls.length} replies from Redis, found ${Array.isArray(replies) ? replies.length : typeof replies}`
  )
}

function refusedBy(message: string): StoreError {
  return new StoreError(`Redis refused: ${message.split(', command was')[0]}`)
}

function isNoScript(reply: Reply | undefined): boolean {
  return typeof reply?.error === 'string' && reply.error.startsWith('NOSCRIPT')
}

/** Keeps the kind of a failure, and drops the command that the client's message repeats. */
export function storeError(error: unknown): StoreError {
  if (!(error instanceof Error)) return new StoreError('the Redis call failed')
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return new StoreError('Redis did not answer in time')
  if (error.name === 'UpstashError') return refusedBy(error.message)
  return new StoreError(`Redis could not be reached (${error.name})`)
}
