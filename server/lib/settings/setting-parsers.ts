/** Parsers of settings: from text to a value, or `undefined` where the text is malformed. */

import { parseSecret } from '../../../edge/contract/shared-settings.ts'
import { PASSWORD_CLASSES, type PasswordClass } from '../passwords/password-policy.ts'

/** Any text that is not empty. */
export function text(value: string): string | undefined {
  return value === '' ? undefined : value
}

/** `mailto:…`, `https://…` or `tel:…`, in printable ASCII (RFC 9116 §2.5.3). */
export function contactUri(value: string): string | undefined {
  return /^(?:mailto:[!-~]+@[!-~]+|https:\/\/[!-~]+|tel:[!-~]+)$/.test(value) && URL.canParse(value) ? value : undefined
}

/** Secrets, comma-separated. */
export function secrets(value: string): readonly [string, ...string[]] | undefined {
  const [first, ...rest] = value.split(',').map(one => parseSecret(one.trim()))
  return first !== undefined && rest.every(one => one !== undefined) ? [first, ...(rest as string[])] : undefined
}

/** A comma-separated list; `none` is the empty list. */
function list<T>(value: string, parse: (item: string) => T | undefined): readonly T[] | undefined {
  if (value === 'none') return []
  const items = value.split(',').map(item => parse(item.trim()))
  return items.every(item => item !== undefined) ? (items as T[]) : undefined
}

/** Password classes, comma-separated; empty for no class. */
export function classes(value: string): readonly PasswordClass[] | undefined {
  if (value === '') return []
  return list(value, item => (Object.hasOwn(PASSWORD_CLASSES, item) ? (item as PasswordClass) : undefined))
}

/** `http://…` or `https://…` */
export function httpUrl(value: string): string | undefined {
  return /^https?:\/\/\S+$/.test(value) && URL.canParse(value) ? value : undefined
}

/** `smtp://…` or `smtps://…` */
export function smtpUrl(value: string): string | undefined {
  return /^smtps?:\/\/\S+$/.test(value) ? value : undefined
}

/** One of the words. */
export function oneOf<const T extends string>(...words: readonly T[]): (value: string) => T | undefined {
  return value => words.find(word => word === value)
}
