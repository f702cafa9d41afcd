/** Parses and prints numbers like Redis: strict 64-bit integers, `strtod` and `%.17g` floats, but no hexadecimal ones. */
import { err, type RedisError } from './reply.ts'

const integerForm = /^(?:0|-?[1-9]\d{0,18})$/
const floatForm = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)$/i
const decimalForm = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i

/** The largest 64-bit integer. */
export const INT64_MAX = 2n ** 63n - 1n
/** The smallest 64-bit integer. */
export const INT64_MIN = -(2n ** 63n)

/** Whether a value fits 64 bits. */
export const isInt64 = (value: bigint) => value >= INT64_MIN && value <= INT64_MAX

/** The error for a text that is not a 64-bit integer. */
const notAnInteger = () => err('value is not an integer or out of range')

/** Reads a 64-bit integer as strictly as Redis: no sign but `-`, no leading zero, no blank. Throws `error` otherwise. */
export function parseInt64(text: string, error: () => RedisError = notAnInteger): bigint {
  if (!integerForm.test(text)) throw error()
  const value = BigInt(text)
  if (!isInt64(value)) throw error()
  return value
}

/** Reads an integer for counts and indexes. It is rounded beyond 2^53, which exceeds every length. */
export function parseIndex(text: string): number {
  return Number(parseInt64(text))
}

/** Reads a count that must not be negative. */
export function parseCount(text: string): number {
  const negative = () => err('value is out of range, must be positive')
  const count = parseInt64(text, negative)
  if (count < 0n) throw negative()
  return Number(count)
}

/** Reads a float. Accepts `inf`; throws `error` for `nan`, overflow, underflow and other text. */
export function parseFloat64(text: string, error = () => err('value is not a valid float')): number {
  const value = readFloat(text)
  const finite = !/inf/i.test(text)
  const lost = finite && (!Number.isFinite(value) || (value === 0 && /^[^e]*[1-9]/i.test(text)))
  if (Number.isNaN(value) || lost) throw error()
  return value
}

/** Reads the bound of a score range like `strtod`: `''` is 0 and leading blanks are skipped. `NaN` means invalid. */
export function readBound(text: string): number {
  const trimmed = text.replace(/^[ \t\n\v\f\r]+/, '')
  return trimmed === '' && text === '' ? 0 : readFloat(trimmed)
}

function readFloat(text: string): number {
  if (!floatForm.test(text)) return Number.NaN
  if (!/inf/i.test(text)) return Number(text)
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

/** Prints as C's `%.17g`: how Redis 7.0 writes scores, and Lua's numbers on their way into a command. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0'
  if (Number.isSafeInteger(value)) return String(value)

  const [mantissa = '', exponent = '0'] = value.toExponential(16).split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 17) return trimZeros(value.toFixed(Math.min(100, 16 - power)))
  const sign = power < 0 ? '-' : '+'
  return `${trimZeros(mantissa)}e${sign}${String(Math.abs(power)).padStart(2, '0')}`
}

const trimZeros = (digits: string) => (digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits)

/**
 * Adds two decimal texts exactly and prints at most 17 decimals: INCRBYFLOAT.
 * Redis adds in 80-bit floats; the two agree while the sum has no more than 18 significant digits.
 */
export function addDecimals(left: string, right: string): string {
  const [a, b] = [readDecimal(left), readDecimal(right)]
  const scale = Math.max(a.scale, b.scale)
  const sum = a.digits * 10n ** BigInt(scale - a.scale) + b.digits * 10n ** BigInt(scale - b.scale)
  return printDecimal(sum, scale)
}

function readDecimal(text: string): { digits: bigint; scale: number } {
  const [, sign, whole = '', fraction = '', exponent = '0'] = decimalForm.exec(text) ?? []
  const digits = BigInt(`${whole}${fraction}` || '0') * (sign === '-' ? -1n : 1n)
  const scale = fraction.length - Number(exponent)
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 }
}

function printDecimal(sum: bigint, scale: number): string {
  const cut = 10n ** BigInt(Math.max(0, scale - 17))
  const magnitude = sum < 0n ? -sum : sum
  const rounded = (magnitude + cut / 2n) / cut
  const places = Math.min(scale, 17)
  const digits = rounded.toString().padStart(places + 1, '0')
  const whole = digits.slice(0, digits.length - places)
  const printed = places === 0 ? whole : trimZeros(`${whole}.${digits.slice(digits.length - places)}`)
  return sum < 0n && printed !== '0' ? `-${printed}` : printed
}
