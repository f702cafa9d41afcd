/** The interface of a Redis backend, and the backend over the embedded engine. `redis-backend.ts` has the one over Redis. */
import { createRedisEngine, type RedisEngineOptions } from './redis-engine.ts'
import type { RedisError, Reply } from './reply.ts'

/** A Redis behind the gateway. Error replies are values; a promise rejects only if the server cannot be reached. */
export interface RedisBackend {
  execute(command: readonly string[]): Promise<Reply>
  /** Runs commands as one transaction, without commands of other callers in between. */
  multi(commands: readonly (readonly string[])[]): Promise<readonly Reply[] | RedisError>
  close(): Promise<void>
}

/** Opens a backend over a new, empty engine. */
export async function openEngineBackend(options?: RedisEngineOptions): Promise<RedisBackend> {
  const engine = await createRedisEngine(options)
  return {
    execute: async command => engine.execute(command),
    multi: async commands => engine.multi(commands),
    close: async () => engine.close()
  }
}
