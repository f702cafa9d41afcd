/** EVAL to SCRIPT: the commands on scripts, with the script cache. Running Lua is left to `lua-vm.ts`. */
import { acceptsArity, type Command, type CommandTable } from './command.ts'
import type { LuaVm } from './lua-vm.ts'
import { parseInt64 } from './numbers.ts'
import { arityError, err, OK, type RawReply, RedisError } from './reply.ts'
import { parseScript, type Script, sha1hex } from './script.ts'

/** Finds a command by its name in any case. */
export type FindCommand = (name: string) => Command | undefined

/** Runs a found command; an error is returned as a reply. */
export type RunCommand = (command: Command, args: readonly string[]) => RawReply

/** The commands on scripts, over one VM. `find` and `run` serve `redis.call`. */
// Over 40 lines: a table over one cache.
export function createScriptCommands(vm: LuaVm, find: FindCommand, run: RunCommand): CommandTable {
  const scripts = new Map<string, Script>()

  const load = (source: string) => {
    const sha = sha1hex(source)
    if (scripts.has(sha)) return sha
    const script = parseScript(source)
    vm.compile(sha, script)
    scripts.set(sha, script)
    return sha
  }

  const callFrom = (readOnly: boolean) => (words: readonly string[]) => {
    const [name = '', ...args] = words
    const command = find(name)
    if (!command) return err('Unknown Redis command called from script')
    if (!acceptsArity(command, words.length)) return err('Wrong number of args calling Redis command from script')
    if (!command.inScripts) return err('This Redis command is not allowed from script')
    if (command.writes && readOnly) return err('Write commands are not allowed from read-only scripts.')
    return run(command, args)
  }

  const evaluate = (bySha: boolean, readOnly: boolean): Command => ({
    arity: -3,
    writes: !readOnly,
    inScripts: false,
    run: (_keys, [text = '', count = '', ...rest]) => {
      if (bySha && text.length !== 40) throw noScript()
      const { keys, argv } = splitArguments(count, rest)
      const sha = bySha ? text.toLowerCase() : load(text)
      const script = scripts.get(sha)
      if (!script) throw noScript()
      return vm.run({ sha, script, keys, argv, call: callFrom(readOnly || script.readOnly) })
    }
  })

  const subcommands = new Map<string, Command>([
    ['load', outsideScripts(3, (_keys, [source = '']) => load(source))],
    ['exists', outsideScripts(-3, (_keys, shas) => shas.map(sha => (scripts.has(sha.toLowerCase()) ? 1 : 0)))],
    [
      'flush',
      outsideScripts(-2, (_keys, [mode, ...rest]) => {
        const known = mode === undefined || /^a?sync$/i.test(mode)
        if (rest.length > 0 || !known) throw err('SCRIPT FLUSH only support SYNC|ASYNC option')
        scripts.clear()
        vm.flush()
        return OK
      })
    ]
  ])

  return {
    eval: evaluate(false, false),
    eval_ro: evaluate(false, true),
    evalsha: evaluate(true, false),
    evalsha_ro: evaluate(true, true),
    script: {
      ...outsideScripts(
        -2,
        (keys, [name = '', ...args]) => subcommands.get(name.toLowerCase())?.run(keys, args) ?? null
      ),
      refuses: args => refuseSubcommand(subcommands, args)
    }
  }
}

const noScript = () => new RedisError('NOSCRIPT No matching script. Please use EVAL.')

const outsideScripts = (arity: number, run: Command['run']): Command => ({
  arity,
  writes: false,
  inScripts: false,
  run
})

function refuseSubcommand(table: ReadonlyMap<string, Command>, args: readonly string[]): RedisError | undefined {
  const name = args[0] ?? ''
  const command = table.get(name.toLowerCase())
  if (!command) return err(`unknown subcommand '${name.slice(0, 128)}'. Try SCRIPT HELP.`)
  return acceptsArity(command, args.length + 1) ? undefined : arityError(`script|${name.toLowerCase()}`)
}

/** Splits the arguments of EVAL into KEYS and ARGV. */
function splitArguments(count: string, rest: readonly string[]): { keys: string[]; argv: string[] } {
  const keyCount = parseInt64(count)
  if (keyCount > BigInt(rest.length)) throw err("Number of keys can't be greater than number of args")
  if (keyCount < 0n) throw err("Number of keys can't be negative")
  return { keys: rest.slice(0, Number(keyCount)), argv: rest.slice(Number(keyCount)) }
}
