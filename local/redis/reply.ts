/** The replies of Redis commands as plain data, and their errors. Encoding for REST, Lua and RESP is left to others. */

/** An answer as the caller sees it. Integers beyond 2^53 are `bigint`; an error may also sit inside an array. */
export type Reply = string | number | bigint | null | RedisError | readonly Reply[]

/** An answer inside the engine, which distinguishes a status (`OK`) from a string (`"OK"`), as Lua does. */
export type RawReply = string | number | bigint | null | RedisError | Status | readonly RawReply[]

/** A status reply such as `OK` or `PONG`. */
export class Status {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An error reply. Its message begins with the code, as Redis writes it: `WRONGTYPE …`, `ERR …`. */
export class RedisError extends Error {
  override readonly name = 'RedisError'
}

/** The status that most writing commands answer. */
export const OK = new Status('OK')

/** Makes `ERR ` + text. */
export const err = (text: string) => new RedisError(`ERR ${text}`)

/** The error for options that do not parse. */
export const syntaxError = () => err('syntax error')

/** The error for a wrong number of arguments; `name` is `get`, or `script|load`. */
export const arityError = (name: string) => err(`wrong number of arguments for '${name}' command`)

/** An integer as the smallest type that holds it exactly. */
export function integer(value: bigint): number | bigint {
  const narrow = Number(value)
  return Number.isSafeInteger(narrow) ? narrow : value
}

/** The error of a transaction that was not run, with its first cause. */
export const execAborted = (first: RedisError) =>
  new RedisError(`EXECABORT Transaction discarded because of previous errors: ${first.message}`)

/** The error for an unknown command, in the words of Redis. */
export function unknownCommand([name = '', ...args]: readonly string[]): RedisError {
  let quoted = ''
  for (const arg of args) {
    if (quoted.length >= 128) break
    quoted += `'${arg.slice(0, 128 - quoted.length)}' `
  }
  return err(`unknown command '${name.slice(0, 128)}', with args beginning with: ${quoted}`.replace(/[\r\n]/g, ' '))
}
