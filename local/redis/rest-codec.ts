/** The JSON of Upstash's REST protocol, both ways: commands in, answers out. HTTP is left to `redis-rest.ts`. */
import { RedisError, type Reply } from './reply.ts'

/** One command. */
export type Words = readonly string[]

/** Parses one command: an array of strings, numbers or booleans. Returns the problem as text if it is invalid. */
export function parseCommand(body: unknown): Words | string {
  if (!Array.isArray(body) || body.length === 0) return 'ERR a command must be a JSON array with at least one element'
  const words: string[] = []
  for (const word of body as unknown[]) {
    if (typeof word !== 'string' && typeof word !== 'number' && typeof word !== 'boolean') {
      return `ERR a command takes strings, numbers and booleans, found ${word === null ? 'null' : typeof word}`
    }
    words.push(String(word))
  }
  return words
}

/** Parses a list of commands. Returns the problem as text if it is invalid. */
export function parseCommands(body: unknown): readonly Words[] | string {
  if (!Array.isArray(body) || body.length === 0) return 'ERR expected a JSON array with at least one command'
  const commands: Words[] = []
  for (const [at, item] of (body as unknown[]).entries()) {
    const command = parseCommand(item)
    if (typeof command === 'string') return `${command} (command ${at + 1})`
    commands.push(command)
  }
  return commands
}

/** `{"result":…}` or `{"error":"…"}`. Built as text, since JSON.stringify would lose the digits of a 64-bit integer. */
export function encodeAnswer(reply: Reply, base64: boolean): string {
  if (reply instanceof RedisError) return encodeError(reply.message)
  // The client expects a plain `OK` at the top level and decodes every other string.
  return `{"result":${reply === 'OK' ? '"OK"' : encodeReply(reply, base64)}}`
}

/** `{"error":"…"}`. */
export const encodeError = (message: string) => JSON.stringify({ error: message })

function encodeReply(reply: Reply, base64: boolean): string {
  if (typeof reply === 'number' || typeof reply === 'bigint') return reply.toString()
  if (reply === null) return 'null'
  if (reply instanceof RedisError) return encodeText(reply.message, base64)
  if (typeof reply === 'string') return encodeText(reply, base64)
  return `[${reply.map(item => encodeReply(item, base64)).join()}]`
}

const encodeText = (text: string, base64: boolean) =>
  JSON.stringify(base64 ? Buffer.from(text).toString('base64') : text)
