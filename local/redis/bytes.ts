/**
 * Converts between text outside the engine and bytes inside it. A byte string has one character per byte (`latin1`), so
 * that STRLEN, lexical order and Lua see bytes as in Redis. Invalid UTF-8, which only a script can make, becomes U+FFFD.
 */
import { type RawReply, RedisError, type Reply, Status } from './reply.ts'

const ascii = /^[\x00-\x7f]*$/

/** Text → byte string. A lone surrogate becomes U+FFFD, as in every UTF-8 encoder. */
export const toBytes = (text: string) => (ascii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1'))

/** Byte string → text. */
export const toText = (bytes: string) => (ascii.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8'))

/** The reply of the engine as its caller sees it: text instead of bytes, a status as its text. */
export function toReply(raw: RawReply): Reply {
  if (typeof raw === 'string') return toText(raw)
  if (raw instanceof Status) return toText(raw.text)
  if (raw instanceof RedisError) return new RedisError(toText(raw.message))
  if (isArray(raw)) return raw.map(toReply)
  return raw
}

/** `Array.isArray` that also narrows a readonly array. */
export const isArray = (value: RawReply): value is readonly RawReply[] => Array.isArray(value)
