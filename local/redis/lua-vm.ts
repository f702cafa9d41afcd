/**
 * Runs scripts in a real Lua 5.1: compiles each once by SHA-1, passes KEYS and ARGV, runs its commands, reads its reply.
 *
 * A script that exceeds its instructions is ended, whereas Redis would wait for SCRIPT KILL. The limit does not end a single
 * C function, such as `string.find` with a pattern that backtracks exponentially (Redis hangs there too). Memory that Lua
 * has allocated is reused, and freed when the engine is closed.
 * Over 200 lines: one state and the functions that scripts call inside it; splitting them would spread its fields.
 */
import { decodeOnto, encodeTop } from './cjson.ts'
import { prelude, preludeChunkName } from './lua-prelude.ts'
import { LuaStack, oneLine } from './lua-stack.ts'
import { LUA_MASKCOUNT, LUA_REGISTRYINDEX, LuaType, type LuaWasm, type Pointer } from './lua-wasm.ts'
import { formatDouble } from './numbers.ts'
import { err, type RawReply, RedisError } from './reply.ts'
import { type Script, sha1hex } from './script.ts'

/** Runs a command for `redis.call`; an error reply is returned, not thrown. */
export type CallCommand = (command: readonly string[]) => RawReply

/** A call of a script. */
export interface ScriptRun {
  readonly sha: string
  readonly script: Script
  readonly keys: readonly string[]
  readonly argv: readonly string[]
  readonly call: CallCommand
}

const instructionsPerCheck = 100_000

/** One Lua state with its compiled scripts. It serves one engine and runs one script at a time. */
export class LuaVm {
  readonly #wasm: LuaWasm
  readonly #stack: LuaStack
  readonly #checksAllowed: number
  readonly #hostFunctions: ReadonlyMap<string, Pointer>
  readonly #hook: Pointer
  readonly #compiled = new Map<string, number>()
  #state: Pointer = 0
  #globals = 0
  #onError = 0
  #call: CallCommand = () => null
  #checks = 0

  constructor(wasm: LuaWasm, maxInstructions: number) {
    this.#wasm = wasm
    this.#stack = new LuaStack(wasm)
    this.#checksAllowed = Math.ceil(maxInstructions / instructionsPerCheck)
    this.#hook = wasm.addFunction(state => this.#check(state), 'vii')
    this.#hostFunctions = this.#createHostFunctions()
    this.#open()
  }

  /** Compiles a script once. Throws the error of a script that does not compile. */
  compile(sha: string, { code }: Script): number {
    const known = this.#compiled.get(sha)
    if (known !== undefined) return known
    if (!this.#load(code, '@user_script')) {
      const why = this.#stack.bytesAt(this.#state, -1) ?? ''
      this.#wasm._lua_settop(this.#state, 0)
      throw err(`Error compiling script (new function): ${oneLine(why)}`)
    }
    const ref = this.#wasm._luaL_ref(this.#state, LUA_REGISTRYINDEX)
    this.#compiled.set(sha, ref)
    return ref
  }

  /** Runs a script to its reply; a failed script answers an error that names the script and the line. */
  run({ sha, script, keys, argv, call }: ScriptRun): RawReply {
    const ref = this.compile(sha, script)
    this.#call = call
    this.#checks = 0
    try {
      return this.#execute(ref, sha, keys, argv)
    } catch (error) {
      // Not raised by Lua: C or the host failed, for example by a stack overflow, and may have damaged the state.
      this.#reopen()
      return err(
        `Lua ended abnormally and was started again: ${error instanceof Error ? error.message : String(error)}`
      )
    }
  }

  /** Removes every compiled script. */
  flush(): void {
    for (const ref of this.#compiled.values()) this.#wasm._luaL_unref(this.#state, LUA_REGISTRYINDEX, ref)
    this.#compiled.clear()
  }

  /** Frees the state; the VM must not be used afterwards. */
  close(): void {
    this.#wasm._lua_close(this.#state)
  }

  #execute(ref: number, sha: string, keys: readonly string[], argv: readonly string[]): RawReply {
    const { _lua_rawgeti, _lua_pcall, _lua_settop, _lua_sethook } = this.#wasm
    const state = this.#state
    _lua_rawgeti(state, LUA_REGISTRYINDEX, this.#globals)
    this.#stack.setField(state, 'KEYS', () => this.#stack.pushStrings(state, keys))
    this.#stack.setField(state, 'ARGV', () => this.#stack.pushStrings(state, argv))
    _lua_settop(state, 0)
    _lua_rawgeti(state, LUA_REGISTRYINDEX, this.#onError)
    _lua_rawgeti(state, LUA_REGISTRYINDEX, ref)
    _lua_sethook(state, this.#hook, LUA_MASKCOUNT, instructionsPerCheck)
    const failed = _lua_pcall(state, 0, 1, 1) !== 0
    // Reading the reply runs no script code, so counting stops here.
    _lua_sethook(state, 0, 0, 0)
    const reply = failed ? this.#failure(state, sha) : this.#stack.popReply(state)
    _lua_settop(state, 0)
    return reply
  }

  #failure(state: Pointer, sha: string): RedisError {
    if (this.#checks > this.#checksAllowed) {
      return err(
        `Script used more than ${this.#checksAllowed * instructionsPerCheck} instructions and was ended: ${sha}`
      )
    }
    // An error in the error handler, or an out-of-memory error, is plain text.
    if (this.#wasm._lua_type(state, -1) !== LuaType.table) {
      return err(`Error running script ${sha}, ${this.#stack.bytesAt(state, -1) ?? 'execution failure'}`)
    }
    const message = this.#stack.field(state, 'err') ?? 'ERR unknown error'
    const source = this.#stack.field(state, 'source')
    this.#stack.pushBytes(state, 'line')
    this.#wasm._lua_rawget(state, -2)
    const line = this.#wasm._lua_tonumber(state, -1)
    const where = source ? ` script: ${sha}, on ${source}:${line}.` : ''
    return new RedisError(oneLine(message) + where)
  }

  /** Counts instructions. Beyond the limit every instruction raises, which no `pcall` can stop. */
  #check(state: Pointer): void {
    if (++this.#checks <= this.#checksAllowed) return
    this.#wasm._lua_sethook(state, this.#hook, LUA_MASKCOUNT, 1)
    this.#stack.raise(state, 'Script used too many instructions', false)
  }

  #load(code: string, name: string): boolean {
    // One buffer for both strings: the name follows the code.
    const at = this.#stack.lend(`${code}\0${name}`)
    return this.#wasm._luaL_loadbuffer(this.#state, at, code.length, at + code.length + 1) === 0
  }

  #open(): void {
    const { _luaL_newstate, _luaL_openlibs, _luaL_ref, _lua_pcall, _lua_createtable, _lua_pushcclosure } = this.#wasm
    const state = _luaL_newstate()
    this.#state = state
    _luaL_openlibs(state)
    this.#load(prelude, preludeChunkName)
    _lua_createtable(state, 0, 16)
    for (const [name, body] of this.#hostFunctions) {
      this.#stack.setField(state, name, () => _lua_pushcclosure(state, body, 0))
    }
    this.#stack.setField(state, 'null', () => this.#wasm._lua_pushlightuserdata(state, 0))
    if (_lua_pcall(state, 1, 2, 0) !== 0) {
      throw new Error(`Lua could not be prepared: ${this.#stack.bytesAt(state, -1) ?? 'no reason given'}`)
    }
    this.#onError = _luaL_ref(state, LUA_REGISTRYINDEX)
    this.#globals = _luaL_ref(state, LUA_REGISTRYINDEX)
  }

  #reopen(): void {
    this.#compiled.clear()
    this.#open()
  }

  #createHostFunctions(): ReadonlyMap<string, Pointer> {
    const bodies: Record<string, (state: Pointer) => number> = {
      call: state => this.#callCommand(state, true),
      pcall: state => this.#callCommand(state, false),
      error_reply: state => this.#singleReply(state, text => ['err', errorText(text)]),
      status_reply: state => this.#singleReply(state, text => ['ok', text]),
      sha1hex: state => this.#sha1hex(state),
      log: state => this.#log(state),
      encode: state => this.#json(state, () => this.#stack.pushBytes(state, encodeTop(this.#stack, state))),
      decode: state => this.#json(state, () => decodeOnto(this.#stack, state, this.#stack.bytesAt(state, 1) ?? ''))
    }
    return new Map(Object.entries(bodies).map(([name, body]) => [name, this.#wasm.addFunction(body, 'ii')]))
  }

  #callCommand(state: Pointer, raises: boolean): number {
    const command = this.#readCommand(state)
    const reply = command instanceof RedisError ? command : this.#call(command)
    this.#stack.pushReply(state, reply)
    return raises && reply instanceof RedisError ? this.#wasm._lua_error(state) : 1
  }

  #readCommand(state: Pointer): string[] | RedisError {
    const count = this.#wasm._lua_gettop(state)
    if (count === 0) return err('Please specify at least one argument for this redis lib call')
    const command: string[] = []
    for (let at = 1; at <= count; at++) {
      // Numbers are printed with 17 digits; Lua itself prints 14.
      const isNumber = this.#wasm._lua_type(state, at) === LuaType.number
      const word = isNumber ? formatDouble(this.#wasm._lua_tonumber(state, at)) : this.#stack.bytesAt(state, at)
      if (word === undefined) return err('Lua redis lib command arguments must be strings or integers')
      command.push(word)
    }
    return command
  }

  #singleReply(state: Pointer, make: (text: string) => ['err' | 'ok', string]): number {
    const single = this.#wasm._lua_gettop(state) === 1 && this.#wasm._lua_type(state, 1) === LuaType.string
    const text = single ? this.#stack.bytesAt(state, 1) : undefined
    if (text === undefined) this.#stack.pushSingle(state, 'err', 'ERR wrong number or type of arguments')
    else this.#stack.pushSingle(state, ...make(text))
    return 1
  }

  #sha1hex(state: Pointer): number {
    if (this.#wasm._lua_gettop(state) !== 1) return this.#raiseError(state, 'wrong number of arguments')
    this.#stack.pushBytes(state, sha1hex(this.#stack.bytesAt(state, 1) ?? ''))
    return 1
  }

  /** Checks its arguments like Redis and writes no log. */
  #log(state: Pointer): number {
    if (this.#wasm._lua_gettop(state) < 2) return this.#raiseError(state, 'redis.log() requires two arguments or more.')
    if (this.#wasm._lua_type(state, 1) === LuaType.number) return 0
    return this.#raiseError(state, 'First argument must be a number (log level).')
  }

  #json(state: Pointer, work: () => void): number {
    if (this.#wasm._lua_gettop(state) !== 1) return this.#stack.raise(state, 'expected 1 argument', true)
    try {
      work()
      return 1
    } catch (error) {
      // Lua's own errors pass through here as thrown numbers and must not be caught.
      if (!(error instanceof Error)) throw error
      this.#wasm._lua_settop(state, 1)
      return this.#stack.raise(state, error.message, true)
    }
  }

  #raiseError(state: Pointer, text: string): number {
    this.#stack.pushSingle(state, 'err', `ERR ${text}`)
    return this.#wasm._lua_error(state)
  }
}

/** `redis.error_reply` as Redis 7.0 does it: a leading `-` goes, and a single word is a message without a code. */
function errorText(text: string): string {
  const message = text.startsWith('-') ? text.slice(1) : text
  return message.includes(' ') ? message : `ERR ${message}`
}
