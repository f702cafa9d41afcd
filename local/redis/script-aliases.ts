/**
 * Lets scripts written for Upstash run on plain Redis: `@upstash/ratelimit` begins its own with
 * `#!lua flags=allow-key-locking`, a flag that Redis refuses. Such flags are removed; the client keeps using the SHA-1 of its
 * own text.
 */
import { createHash } from 'node:crypto'
import { knownFlags } from './script.ts'

/** Rewrites commands for the server. */
export interface ScriptAliases {
  rewrite(command: readonly string[]): readonly string[]
}

/** How many rewritten scripts are remembered. The oldest is dropped, and its next EVALSHA gets NOSCRIPT. */
const capacity = 1000

/** Removes the flags that plain Redis does not know from a `#!lua` line. Other text is returned unchanged. */
export function stripForeignFlags(script: string): string {
  const line = /^#!lua[^\n]*/.exec(script)?.[0]
  if (line === undefined) return script
  const kept = line.replace(/ +flags=([^ \n]*)/g, (whole, list: string) => {
    const flags = list.split(',')
    const known = flags.filter(flag => knownFlags.has(flag))
    if (known.length === flags.length) return whole
    return known.length > 0 ? ` flags=${known.join()}` : ''
  })
  return kept + script.slice(line.length)
}

/** Creates an empty memory of rewritten scripts: one per gateway. */
export function createScriptAliases(): ScriptAliases {
  const aliases = new Map<string, string>()
  const aliasOf = (sha: string) => aliases.get(sha.toLowerCase()) ?? sha

  const strip = (script: string) => {
    const stripped = stripForeignFlags(script)
    if (stripped === script) return script
    const [oldest] = aliases.keys()
    if (aliases.size >= capacity && oldest !== undefined) aliases.delete(oldest)
    aliases.set(sha1(script), sha1(stripped))
    return stripped
  }

  return {
    rewrite(command) {
      const [name = '', first = '', ...rest] = command
      const verb = name.toLowerCase()
      if (command.length < 2) return command
      if (verb === 'eval' || verb === 'eval_ro') return [name, strip(first), ...rest]
      if (verb === 'evalsha' || verb === 'evalsha_ro') return [name, aliasOf(first), ...rest]
      if (verb !== 'script') return command
      if (first.toLowerCase() === 'load') return [name, first, ...rest.map(strip)]
      return first.toLowerCase() === 'exists' ? [name, first, ...rest.map(aliasOf)] : command
    }
  }
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex')
