/**
 * `cjson.encode` and `cjson.decode` over a Lua stack, with cjson's defaults.
 * Decoding is stricter than cjson's (standard JSON only), its messages are JavaScript's, and invalid UTF-8 is replaced.
 */
import { toBytes, toText } from './bytes.ts'
import type { LuaStack } from './lua-stack.ts'
import { LuaType, type Pointer } from './lua-wasm.ts'

const maxDepth = 1000
const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r'
}
const quote = (bytes: string) =>
  `"${bytes.replace(/["\\/\x00-\x1f\x7f]/g, c => escapes[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`

const typeNames = ['nil', 'boolean', 'userdata', 'number', 'string', 'table', 'function', 'userdata', 'thread']
const refuse = (type: string, why: string) => new Error(`Cannot serialise ${type}: ${why}`)

/** The value on top of the stack as JSON, in bytes. Throws a plain `Error` with cjson's words. */
export function encodeTop(stack: LuaStack, state: Pointer, depth = 1): string {
  const { wasm } = stack
  const type = wasm._lua_type(state, -1)
  if (type === LuaType.string) return quote(stack.bytesAt(state, -1) ?? '')
  if (type === LuaType.number) return encodeNumber(stack, state)
  if (type === LuaType.boolean) return wasm._lua_toboolean(state, -1) ? 'true' : 'false'
  if (type === LuaType.nil || (type === LuaType.lightUserdata && wasm._lua_topointer(state, -1) === 0)) return 'null'
  if (type !== LuaType.table) throw refuse(typeNames[type] ?? 'value', 'type not supported')
  if (depth > maxDepth || !wasm._lua_checkstack(state, 4)) {
    throw new Error(`Cannot serialise, excessive depth (${depth})`)
  }
  const length = arrayLength(stack, state)
  return length > 0 ? encodeArray(stack, state, length, depth) : encodeObject(stack, state, depth)
}

function encodeNumber(stack: LuaStack, state: Pointer): string {
  if (!Number.isFinite(stack.wasm._lua_tonumber(state, -1))) throw refuse('number', 'must not be NaN or Inf')
  // A copy: reading a number as text changes it in place. Lua's own `%.14g` is what cjson prints too.
  stack.wasm._lua_pushvalue(state, -1)
  const text = stack.bytesAt(state, -1) ?? ''
  stack.wasm._lua_settop(state, -2)
  return text
}

/** The largest index if all keys are positive integers, otherwise 0. Throws if the array is too sparse for cjson. */
function arrayLength({ wasm }: LuaStack, state: Pointer): number {
  let [largest, count] = [0, 0]
  wasm._lua_pushnil(state)
  while (wasm._lua_next(state, -2)) {
    wasm._lua_settop(state, -2)
    const key = wasm._lua_type(state, -1) === LuaType.number ? wasm._lua_tonumber(state, -1) : 0
    if (key < 1 || !Number.isInteger(key)) {
      wasm._lua_settop(state, -2)
      return 0
    }
    largest = Math.max(largest, key)
    count++
  }
  if (largest > count * 2 && largest > 10) throw refuse('table', 'excessively sparse array')
  return largest
}

function encodeArray(stack: LuaStack, state: Pointer, length: number, depth: number): string {
  const items: string[] = []
  for (let at = 1; at <= length; at++) {
    stack.wasm._lua_rawgeti(state, -1, at)
    items.push(encodeTop(stack, state, depth + 1))
    stack.wasm._lua_settop(state, -2)
  }
  return `[${items.join()}]`
}

function encodeObject(stack: LuaStack, state: Pointer, depth: number): string {
  const { wasm } = stack
  const members: string[] = []
  wasm._lua_pushnil(state)
  while (wasm._lua_next(state, -2)) {
    wasm._lua_pushvalue(state, -2)
    const name = stack.bytesAt(state, -1)
    if (name === undefined) {
      throw refuse(typeNames[wasm._lua_type(state, -1)] ?? 'value', 'table key must be a number or string')
    }
    wasm._lua_settop(state, -2)
    members.push(`${quote(name)}:${encodeTop(stack, state, depth + 1)}`)
    wasm._lua_settop(state, -2)
  }
  return `{${members.join()}}`
}

/** Pushes the value of a JSON text, in bytes; null becomes `cjson.null`. Throws a plain `Error` for malformed JSON. */
export function decodeOnto(stack: LuaStack, state: Pointer, bytes: string): void {
  pushJson(stack, state, JSON.parse(toText(bytes)) as unknown, 1)
}

function pushJson(stack: LuaStack, state: Pointer, value: unknown, depth: number): void {
  const { wasm } = stack
  if (typeof value === 'string') stack.pushBytes(state, toBytes(value))
  else if (typeof value === 'number') wasm._lua_pushnumber(state, value)
  else if (typeof value === 'boolean') wasm._lua_pushboolean(state, value ? 1 : 0)
  else if (typeof value !== 'object' || value === null) wasm._lua_pushlightuserdata(state, 0)
  else if (depth > maxDepth || !wasm._lua_checkstack(state, 4)) {
    throw new Error(`Found too many nested data structures (${depth})`)
  } else pushContainer(stack, state, value, depth)
}

function pushContainer(stack: LuaStack, state: Pointer, value: object, depth: number): void {
  const { wasm } = stack
  wasm._lua_createtable(state, 0, 0)
  for (const [name, member] of Object.entries(value)) {
    if (Array.isArray(value)) wasm._lua_pushnumber(state, Number(name) + 1)
    else stack.pushBytes(state, toBytes(name))
    pushJson(stack, state, member, depth + 1)
    wasm._lua_rawset(state, -3)
  }
}
