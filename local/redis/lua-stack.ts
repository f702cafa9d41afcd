/** Pushes byte strings and replies onto a Lua stack and pops them off it. What scripts may do is decided in `lua-vm.ts`. */
import { isArray } from './bytes.ts'
import { LuaType, type LuaWasm, type Pointer } from './lua-wasm.ts'
import { formatDouble, INT64_MIN } from './numbers.ts'
import { err, integer, type RawReply, RedisError, Status } from './reply.ts'

/** How deep a returned table may be nested: far less than in Redis, but enough for practical replies. */
const maxReplyDepth = 500

/** Pushes values onto a Lua stack and pops them. */
export class LuaStack {
  readonly wasm: LuaWasm
  #scratch: Pointer
  #scratchSize = 64 * 1024
  readonly #sizeAt: Pointer
  #depth = 0

  constructor(wasm: LuaWasm) {
    this.wasm = wasm
    this.#scratch = wasm._malloc(this.#scratchSize)
    this.#sizeAt = wasm._malloc(4)
  }

  /** Copies a byte string to memory that C can read until the next call. A NUL byte follows it. */
  lend(bytes: string): Pointer {
    if (bytes.length >= this.#scratchSize) this.#grow(bytes.length + 1)
    // The heap moves when it grows, so a reference to it is never kept across a call.
    const heap = this.wasm.HEAPU8
    const start = this.#scratch
    for (let at = 0; at < bytes.length; at++) heap[start + at] = bytes.charCodeAt(at)
    heap[start + bytes.length] = 0
    return start
  }

  #grow(size: number): void {
    this.wasm._free(this.#scratch)
    this.#scratchSize = size * 2
    this.#scratch = this.wasm._malloc(this.#scratchSize)
  }

  pushBytes(state: Pointer, bytes: string): void {
    this.wasm._lua_pushlstring(state, this.lend(bytes), bytes.length)
  }

  pushStrings(state: Pointer, items: readonly string[]): void {
    this.wasm._lua_createtable(state, items.length, 0)
    for (const [at, item] of items.entries()) {
      this.pushBytes(state, item)
      this.wasm._lua_rawseti(state, -2, at + 1)
    }
  }

  /** The bytes of a string or a number, or undefined for any other value. */
  bytesAt(state: Pointer, index: number): string | undefined {
    const type = this.wasm._lua_type(state, index)
    if (type !== LuaType.string && type !== LuaType.number) return undefined
    const start = this.wasm._lua_tolstring(state, index, this.#sizeAt)
    const size = this.wasm.HEAPU32[this.#sizeAt >> 2] ?? 0
    return Buffer.from(this.wasm.HEAPU8.buffer, start, size).toString('latin1')
  }

  /** Sets a field of the table on top. */
  setField(state: Pointer, name: string, push: () => void): void {
    this.pushBytes(state, name)
    push()
    this.wasm._lua_rawset(state, -3)
  }

  /** Pushes a table with one string: the form of an error (`err`) and of a status (`ok`) in Lua. */
  pushSingle(state: Pointer, name: 'err' | 'ok', text: string): void {
    this.wasm._lua_createtable(state, 0, 1)
    this.setField(state, name, () => this.pushBytes(state, text))
  }

  /** Redis → Lua: an array becomes a table, null `false`, a status `{ok=}`, an error `{err=}`. */
  pushReply(state: Pointer, reply: RawReply): void {
    if (typeof reply === 'string') this.pushBytes(state, reply)
    else if (reply === null) this.wasm._lua_pushboolean(state, 0)
    else if (reply instanceof Status) this.pushSingle(state, 'ok', reply.text)
    else if (reply instanceof RedisError) this.pushSingle(state, 'err', reply.message)
    else if (isArray(reply)) this.#pushArray(state, reply)
    else this.wasm._lua_pushnumber(state, Number(reply))
  }

  #pushArray(state: Pointer, items: readonly RawReply[]): void {
    this.wasm._lua_checkstack(state, 4)
    this.wasm._lua_createtable(state, items.length, 0)
    for (const [at, item] of items.entries()) {
      this.pushReply(state, item)
      this.wasm._lua_rawseti(state, -2, at + 1)
    }
  }

  /** Pops the top value as a reply: numbers become integers, `true` is 1, an array ends at its first nil. */
  popReply(state: Pointer): RawReply {
    const { wasm } = this
    // Each level of a nested table needs room for itself, a key and a value.
    const fits = this.#depth < maxReplyDepth && wasm._lua_checkstack(state, 4)
    this.#depth++
    const reply = fits ? this.#replyOnTop(state) : err('reached lua stack limit')
    this.#depth--
    wasm._lua_settop(state, -2)
    return reply
  }

  #replyOnTop(state: Pointer): RawReply {
    const type = this.wasm._lua_type(state, -1)
    if (type === LuaType.string) return this.bytesAt(state, -1) ?? null
    if (type === LuaType.number) return toInteger(this.wasm._lua_tonumber(state, -1))
    if (type === LuaType.boolean) return this.wasm._lua_toboolean(state, -1) ? 1 : null
    return type === LuaType.table ? this.#tableReply(state) : null
  }

  #tableReply(state: Pointer): RawReply {
    const error = this.field(state, 'err')
    if (error !== undefined) return new RedisError(oneLine(error))
    const status = this.field(state, 'ok')
    if (status !== undefined) return new Status(oneLine(status))
    return this.#typedReply(state) ?? this.#arrayReply(state)
  }

  /** The shapes of RESP3 that a script may return, as a RESP2 client sees them. */
  #typedReply(state: Pointer): RawReply | undefined {
    return (
      this.#withField(state, 'double', LuaType.number, () => formatDouble(this.wasm._lua_tonumber(state, -1))) ??
      this.#withField(state, 'map', LuaType.table, () => this.#entriesReply(state, true)) ??
      this.#withField(state, 'set', LuaType.table, () => this.#entriesReply(state, false)) ??
      this.#withField(state, 'big_number', LuaType.string, () => oneLine(this.bytesAt(state, -1) ?? '')) ??
      this.#withField(state, 'verbatim_string', LuaType.table, () => this.field(state, 'string'))
    )
  }

  #withField(state: Pointer, name: string, type: number, read: () => RawReply | undefined): RawReply | undefined {
    this.pushBytes(state, name)
    this.wasm._lua_rawget(state, -2)
    const found = this.wasm._lua_type(state, -1) === type ? read() : undefined
    this.wasm._lua_settop(state, -2)
    return found
  }

  #entriesReply(state: Pointer, withValues: boolean): RawReply[] {
    const items: RawReply[] = []
    this.wasm._lua_pushnil(state)
    while (this.wasm._lua_next(state, -2)) {
      // Reads a copy of the key, because converting it to a string in place would confuse `lua_next`.
      this.wasm._lua_pushvalue(state, -2)
      items.push(this.popReply(state))
      if (withValues) items.push(this.popReply(state))
      else this.wasm._lua_settop(state, -2)
    }
    return items
  }

  #arrayReply(state: Pointer): RawReply[] {
    const items: RawReply[] = []
    for (let at = 1; ; at++) {
      this.wasm._lua_rawgeti(state, -1, at)
      if (this.wasm._lua_type(state, -1) === LuaType.nil) break
      items.push(this.popReply(state))
    }
    this.wasm._lua_settop(state, -2)
    return items
  }

  /** A field of the table on top, if it is a string. */
  field(state: Pointer, name: string): string | undefined {
    this.pushBytes(state, name)
    this.wasm._lua_rawget(state, -2)
    const isString = this.wasm._lua_type(state, -1) === LuaType.string
    const text = isString ? this.bytesAt(state, -1) : undefined
    this.wasm._lua_settop(state, -2)
    return text
  }

  /** Leaves the running C function with an error; `positioned` puts `user_script:1: ` before it. Never returns. */
  raise(state: Pointer, message: string, positioned: boolean): number {
    if (positioned) this.wasm._luaL_where(state, 1)
    this.pushBytes(state, message)
    if (positioned) this.wasm._lua_concat(state, 2)
    return this.wasm._lua_error(state)
  }
}

/** C's cast of a double to 64 bits: rounds towards zero; numbers out of range become the smallest integer. */
function toInteger(value: number): number | bigint {
  const cut = Math.trunc(value)
  return cut >= -(2 ** 63) && cut < 2 ** 63 ? integer(BigInt(cut)) : INT64_MIN
}

/** The text of an error or a status. As in Redis, line ends become blanks and a NUL ends the text. */
export const oneLine = (text: string) => (text.split('\0', 1)[0] ?? '').replace(/[\r\n]/g, ' ')
