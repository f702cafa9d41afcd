/** What the REST gateway needs of a Redis, and the backend over the engine in the process. `redis-backend.ts` has the other. */
import { createRedisEngine, type RedisEngineOptions } from './redis-engine.ts'
import type { RedisError, Reply } from './reply.ts'

/** A Redis behind the gateway. Error replies are values; a promise is rejected only when the server could not be asked. */
export interface RedisBackend {
  execute(command: readonly string[]): Promise<Reply>
  /** Runs commands as one transaction that nobody else's commands interleave with. */
  multi(commands: readonly (readonly string[])[]): Promise<readonly Reply[] | RedisError>
  close(): Promise<void>
}

/** Opens a backend over an engine of its own, with no keys. */
export async function openEngineBackend(options?: RedisEngineOptions): Promise<RedisBackend> {
  const engine = await createRedisEngine(options)
  return {
    execute: async command => engine.execute(command),
    multi: async commands => engine.multi(commands),
    close: async () => engine.close()
  }
}
