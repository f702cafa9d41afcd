/** Numbers as people read them: as many digits as they are worth, with their unit. */

import type { Summary } from './statistics.ts'

/** Three significant digits, or whole numbers from a thousand on. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-GB')
  if (size === 0) return '0'
  return String(Number(value.toPrecision(3)))
}

/** `1.23 ms`; a ratio has its sign behind it without a gap. */
export function formatValue(value: number, unit: string): string {
  if (unit === '×') return `${formatNumber(value)} ×`
  return unit === '' ? formatNumber(value) : `${formatNumber(value)} ${unit}`
}

/** The spread as a share of the median: `± 3 %`; of one round nobody knows it. */
export function formatSpread({ median, spread, rounds }: Summary): string {
  if (!Number.isFinite(spread) || median === 0) return ''
  if (rounds < 2) return '(one round)'
  const percent = Math.abs((100 * spread) / median)
  return `± ${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`
}
