/** Runs a Lua script in Redis by its SHA-1, and by its source where Redis does not know it yet. */

import type { Redis } from './open-redis.ts'

export interface Script {
  readonly source: string
  /** SHA-1 of `source` in lower-case hex, pinned beside it. */
  readonly sha1: string
}

/**
 * Redis did not answer in time, or answered with an error or with nonsense.
 *
 * Its message never quotes the command: the client's own error does, with every key and argument.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

/**
 * Runs `script` and returns its raw reply.
 *
 * @throws {StoreError} for every failure; the script may have run nevertheless
 */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[]
): Promise<unknown> {
  const argv = args.map(String)
  try {
    return await redis.evalsha(script.sha1, [...keys], argv)
  } catch (error) {
    if (!isNoScript(error)) throw storeError(error)
  }
  try {
    return await redis.eval(script.source, [...keys], argv)
  } catch (error) {
    throw storeError(error)
  }
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** Keeps what kind of failure it was and drops the command that the client's message repeats. */
export function storeError(error: unknown): StoreError {
  if (!(error instanceof Error)) return new StoreError('the Redis call failed')
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return new StoreError('Redis did not answer in time')
  if (error.name === 'UpstashError') return new StoreError(`Redis refused: ${error.message.split(', command was')[0]}`)
  return new StoreError(`Redis could not be reached (${error.name})`)
}
