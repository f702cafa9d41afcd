/** The C API of Lua 5.1 as `wasmoon-lua5.1` exports it. Values are pushed and popped by `lua-stack.ts`. */
import { LuaApi } from 'wasmoon-lua5.1'

/** An address: a Lua state, a function, a buffer. */
export type Pointer = number

/** The C functions in use. The package's own wrappers are not used: they end strings at the first NUL. */
export interface LuaWasm {
  readonly HEAPU8: Uint8Array
  readonly HEAPU32: Uint32Array
  addFunction(body: (state: Pointer, second: Pointer) => unknown, signature: 'ii' | 'vii'): Pointer
  _malloc(size: number): Pointer
  _free(at: Pointer): void
  _luaL_newstate(): Pointer
  _luaL_openlibs(state: Pointer): void
  _luaL_loadbuffer(state: Pointer, at: Pointer, size: number, name: Pointer): number
  _luaL_ref(state: Pointer, table: number): number
  _luaL_unref(state: Pointer, table: number, ref: number): void
  _luaL_where(state: Pointer, level: number): void
  _lua_checkstack(state: Pointer, extra: number): number
  _lua_close(state: Pointer): void
  _lua_concat(state: Pointer, count: number): void
  _lua_createtable(state: Pointer, items: number, fields: number): void
  _lua_error(state: Pointer): number
  _lua_gettop(state: Pointer): number
  _lua_next(state: Pointer, index: number): number
  _lua_pcall(state: Pointer, given: number, wanted: number, handler: number): number
  _lua_pushboolean(state: Pointer, value: number): void
  _lua_pushcclosure(state: Pointer, body: Pointer, upvalues: number): void
  _lua_pushlightuserdata(state: Pointer, value: Pointer): void
  _lua_pushlstring(state: Pointer, at: Pointer, size: number): void
  _lua_pushnil(state: Pointer): void
  _lua_pushnumber(state: Pointer, value: number): void
  _lua_pushvalue(state: Pointer, index: number): void
  _lua_rawget(state: Pointer, index: number): void
  _lua_rawgeti(state: Pointer, index: number, at: number): void
  _lua_rawset(state: Pointer, index: number): void
  _lua_rawseti(state: Pointer, index: number, at: number): void
  _lua_sethook(state: Pointer, hook: Pointer, mask: number, count: number): void
  _lua_settop(state: Pointer, index: number): void
  _lua_toboolean(state: Pointer, index: number): number
  _lua_tolstring(state: Pointer, index: number, size: Pointer): Pointer
  _lua_tonumber(state: Pointer, index: number): number
  _lua_topointer(state: Pointer, index: number): Pointer
  _lua_type(state: Pointer, index: number): number
}

/** The numbers of `lua.h`. */
export const LuaType = { nil: 0, boolean: 1, lightUserdata: 2, number: 3, string: 4, table: 5, function: 6 } as const
/** The pseudo-index of the registry. */
export const LUA_REGISTRYINDEX = -10000
/** The hook event that counts instructions. */
export const LUA_MASKCOUNT = 8

/** Loads a separate instance of Lua. */
export async function loadLuaWasm(): Promise<LuaWasm> {
  const { module } = await LuaApi.initialize()
  return module as unknown as LuaWasm
}
