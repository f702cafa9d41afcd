/** The backend over the embedded engine. `redis-backend.ts` is the one over a real Redis. */
import type { RedisBackend } from './backend.ts'
import { createRedisEngine, type RedisEngineOptions } from './redis-engine.ts'

/** Opens a backend over a new, empty engine. */
export async function openEngineBackend(options?: RedisEngineOptions): Promise<RedisBackend> {
  const engine = await createRedisEngine(options)
  return {
    execute: async command => engine.execute(command),
    multi: async commands => engine.multi(commands),
    close: async () => engine.close()
  }
}
