/** Parses and checks times to live: EX, PX, EXAT, PXAT. Storing them is left to the keyspace. */
import type { Keyspace } from './keyspace.ts'
import { INT64_MAX, INT64_MIN, parseInt64 } from './numbers.ts'
import { err } from './reply.ts'

/** The unit of a time, and whether it counts from now. */
export interface TimeForm {
  readonly unitMs: 1n | 1000n
  readonly relative: boolean
}

/** A time as a command gives it. */
export interface GivenTime {
  readonly text: string
  readonly form: TimeForm
}

/** The four forms by the option of SET that names them. */
export const timeForms: ReadonlyMap<string, TimeForm> = new Map([
  ['EX', { unitMs: 1000n, relative: true }],
  ['PX', { unitMs: 1n, relative: true }],
  ['EXAT', { unitMs: 1000n, relative: false }],
  ['PXAT', { unitMs: 1n, relative: false }]
])

/** The moment, in ms, at which a time to live ends. Throws the error of `command` for a time out of range. */
export function parseExpiry(keys: Keyspace, { text, form }: GivenTime, command: string, mayBePast = false): number {
  const invalid = () => err(`invalid expire time in '${command}' command`)
  const given = parseInt64(text)
  if (!mayBePast && given <= 0n) throw invalid()
  if (given > INT64_MAX / form.unitMs || given < INT64_MIN / form.unitMs) throw invalid()
  const atMs = given * form.unitMs + (form.relative ? BigInt(keys.nowMs) : 0n)
  if (atMs > INT64_MAX) throw invalid()
  return Number(atMs)
}
