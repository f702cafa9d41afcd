/** The interface of a Redis backend. `engine-backend.ts` and `redis-backend.ts` implement it. */
import type { RedisError, Reply } from './reply.ts'

/** A Redis behind the gateway. Error replies are values; a promise rejects only if the server cannot be reached. */
export interface RedisBackend {
  execute(command: readonly string[]): Promise<Reply>
  /** Runs commands as one transaction, without commands of other callers in between. */
  multi(commands: readonly (readonly string[])[]): Promise<readonly Reply[] | RedisError>
  close(): Promise<void>
}
