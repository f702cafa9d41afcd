/** Formats numbers with their units and only significant digits. */

import type { Summary } from './statistics.ts'

/** Three significant digits, or whole numbers from a thousand on. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-GB')
  if (size === 0) return '0'
  return String(Number(value.toPrecision(3)))
}

/** `1.23 ms`, or `1.23 ×` for a ratio. */
export function formatValue(value: number, unit: string): string {
  if (unit === '×') return `${formatNumber(value)} ×`
  return unit === '' ? formatNumber(value) : `${formatNumber(value)} ${unit}`
}

/** The spread as a share of the median: `± 3 %`. A single round has no spread. */
export function formatSpread({ median, spread, rounds }: Summary): string {
  if (!Number.isFinite(spread) || median === 0) return ''
  if (rounds < 2) return '(one round)'
  const percent = Math.abs((100 * spread) / median)
  return `± ${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`
}
