/** Parses a script before it is compiled: its SHA-1 and the flags of its `#!lua` line. Running it is left to `lua-vm.ts`. */
import { createHash } from 'node:crypto'
import { err } from './reply.ts'

/** The flags that Redis 7.0 knows. */
export const knownFlags: ReadonlySet<string> = new Set([
  'no-writes',
  'allow-oom',
  'allow-stale',
  'no-cluster',
  'allow-cross-slot-keys'
])

/** SHA-1 in hex of a byte string. */
export const sha1hex = (bytes: string) => createHash('sha1').update(bytes, 'latin1').digest('hex')

/** A script ready to compile. */
export interface Script {
  /** The Lua code without the `#!` line. The line end stays, so that line numbers stay correct. */
  readonly code: string
  readonly readOnly: boolean
}

/** Reads the `#!` line as strictly as Redis 7.0. */
export function parseScript(source: string): Script {
  if (!source.startsWith('#!')) return { code: source, readOnly: false }
  const end = source.indexOf('\n')
  if (end < 0) throw err('Invalid script shebang')
  const [engine = '', ...options] = source.slice(0, end).trim().split(/ +/)
  if (engine !== '#!lua') throw err(`Unexpected engine in script shebang: ${engine}`)
  const flags = options.flatMap(parseFlags)
  return { code: source.slice(end), readOnly: flags.includes('no-writes') }
}

function parseFlags(option: string): string[] {
  if (!option.startsWith('flags=')) throw err(`Unknown lua shebang option: ${option}`)
  const flags = option.slice('flags='.length).split(',').filter(Boolean)
  const unknown = flags.find(flag => !knownFlags.has(flag))
  if (unknown !== undefined) throw err(`Unexpected flag in script shebang: ${unknown}`)
  return flags
}
