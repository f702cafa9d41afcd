/** The shape of a command and of a command table. The commands themselves are in one file per type. */
import type { Keyspace } from './keyspace.ts'
import { arityError, type RawReply, type RedisError } from './reply.ts'

/** The work of a command. `args` come without the name; the arity has been checked. */
export type Run = (keys: Keyspace, args: readonly string[]) => RawReply

/** A command as the engine dispatches it. */
export interface Command {
  /** How many words, the name included; negative for "at least". */
  readonly arity: number
  readonly writes: boolean
  /** Whether a script may call it. */
  readonly inScripts: boolean
  readonly run: Run
  /** A check besides the arity before the command is run or queued: that of the subcommand. */
  readonly refuses?: (args: readonly string[]) => RedisError | undefined
}

/** Commands by lower-case name. */
export type CommandTable = Readonly<Record<string, Command>>

/** A command that only reads. */
export const reads = (arity: number, run: Run): Command => ({ arity, writes: false, inScripts: true, run })

/** A command that may write: refused in read-only scripts. */
export const writes = (arity: number, run: Run): Command => ({ arity, writes: true, inScripts: true, run })

/** Whether the command accepts this number of words, the name included. */
export const acceptsArity = ({ arity }: Command, words: number) => (arity < 0 ? words >= -arity : words === arity)

/** `[a, b, c, d]` → `[[a, b], [c, d]]`; throws the arity error of `name` for an odd number. */
export function pairs(items: readonly string[], name: string): [string, string][] {
  if (items.length % 2 !== 0) throw arityError(name)
  const found: [string, string][] = []
  for (let at = 0; at < items.length; at += 2) found.push([items[at] ?? '', items[at + 1] ?? ''])
  return found
}
