/**
 * A Redis 7.0 in the process, for local use and tests: the commands that Gatehouse and `@upstash/ratelimit` need, with real
 * Lua 5.1 and without persistence. This file dispatches; the commands of each type have a file of their own.
 *
 * Limits: arguments and replies are UTF-8 text (see `bytes.ts`); a key expires in the millisecond in which
 * its PTTL reaches 0, whereas Redis still serves it in that one; INCRBYFLOAT adds decimals exactly (see `numbers.ts`);
 * SCAN is the only cursor; `lua-prelude.ts` lists what scripts lack, `lua-vm.ts` what does not end them.
 */
import { toBytes, toReply, toText } from './bytes.ts'
import { acceptsArity, type Command, type CommandTable } from './command.ts'
import { hashCommands } from './hash-commands.ts'
import { keyCommands } from './key-commands.ts'
import { Keyspace } from './keyspace.ts'
import { listCommands } from './list-commands.ts'
import { LuaVm } from './lua-vm.ts'
import { loadLuaWasm } from './lua-wasm.ts'
import { arityError, execAborted, type RawReply, RedisError, type Reply, unknownCommand } from './reply.ts'
import { createScriptCommands } from './script-commands.ts'
import { serverCommands } from './server-commands.ts'
import { setCommands } from './set-commands.ts'
import { stringCommands } from './string-commands.ts'
import { unionCommands } from './union-commands.ts'
import { zsetCommands } from './zset-commands.ts'

/** The options of an engine. */
export interface RedisEngineOptions {
  /** The clock in ms since 1970, read once per command, script or transaction. */
  readonly nowMs?: () => number
  /** Chooses for SPOP, between 0 and 1. */
  readonly random?: () => number
  /** The Lua instructions after which a script is ended. The default takes about two seconds. */
  readonly maxScriptInstructions?: number
}

/** A running engine. Every call is synchronous, so commands never interleave. */
export interface RedisEngine {
  /** Runs one command: `['SET', 'key', 'value']`. An error reply is returned, never thrown. */
  execute(command: readonly string[]): Reply
  /** Runs commands as MULTI … EXEC does: one answer each, or one `EXECABORT` error when a command cannot be queued. */
  multi(commands: readonly (readonly string[])[]): readonly Reply[] | RedisError
  /** Frees the memory of Lua; the engine must not be used afterwards. */
  close(): void
}

/** Creates an engine with no keys and a Lua of its own. */
// Over 40 lines: short closures over one keyspace, one of them recursive through Lua.
export async function createRedisEngine(options: RedisEngineOptions = {}): Promise<RedisEngine> {
  const { nowMs = Date.now, random = Math.random, maxScriptInstructions = 200_000_000 } = options
  const keys = new Keyspace(random)
  const vm = new LuaVm(await loadLuaWasm(), maxScriptInstructions)
  const commands = new Map<string, Command>()
  const find = (name: string) => commands.get(name.toLowerCase())

  const run = (command: Command, args: readonly string[]): RawReply => {
    keys.purgeSome()
    try {
      return command.run(keys, args)
    } catch (error) {
      if (error instanceof RedisError) return error
      throw error
    }
  }
  const resolve = (words: readonly string[]): Command | RedisError => {
    const command = find(words[0] ?? '')
    if (!command) return unknownCommand(words)
    if (!acceptsArity(command, words.length)) return arityError((words[0] ?? '').toLowerCase())
    return command.refuses?.(words.slice(1)) ?? command
  }
  const execute = (words: readonly string[]): Reply => {
    const command = resolve(words)
    return toReply(command instanceof RedisError ? command : run(command, words.slice(1)))
  }
  const readClock = () => {
    keys.nowMs = Math.floor(nowMs())
  }

  for (const table of [serverCommands, stringCommands, keyCommands, hashCommands, listCommands])
    register(commands, table)
  for (const table of [setCommands, zsetCommands, unionCommands, createScriptCommands(vm, find, run)])
    register(commands, table)

  return {
    execute(command) {
      readClock()
      return execute(command.map(toBytes))
    },
    multi(list) {
      readClock()
      const queued = list.map(command => command.map(toBytes))
      const refused = queued.map(resolve).find(command => command instanceof RedisError)
      return refused instanceof RedisError ? execAborted(new RedisError(toText(refused.message))) : queued.map(execute)
    },
    close: () => vm.close()
  }
}

function register(commands: Map<string, Command>, table: CommandTable): void {
  for (const [name, command] of Object.entries(table)) commands.set(name, command)
}
