/** Charts as inline SVG, drawn from plain numbers. Colours come from the page's style, so that they follow its scheme. */

import { escapeHtml } from '../../server/lib/http/escape-html.ts'
import { type Distribution, QUANTILES } from './statistics.ts'
import { formatNumber, formatValue } from './units.ts'

export interface Bar {
  readonly name: string
  readonly value: number
  readonly spread: number
  readonly isOurs: boolean
}

const WIDTH = 640
const ROW = 44
const BAR = 14

/** Horizontal bars from zero, each with its value and spread; names stand above their bars, so that none is too long. */
export function barChart(bars: readonly Bar[], unit: string, label: string): string {
  const most = Math.max(...bars.map(({ value, spread }) => value + spread), 0) || 1
  const scale = (value: number) => (value / most) * (WIDTH - 8)
  const rows = bars.map(({ name, value, spread, isOurs }, i) => {
    const y = i * ROW
    const [from, to] = [scale(Math.max(0, value - spread)), scale(value + spread)]
    const middle = y + 23 + BAR / 2
    return `<text x="0" y="${y + 17}" class="${isOurs ? 'ours' : 'name'}">${escapeHtml(name)}</text>
<text x="${WIDTH}" y="${y + 17}" text-anchor="end" class="value">${escapeHtml(formatValue(value, unit))}</text>
<rect x="0" y="${y + 23}" width="${round(scale(value))}" height="${BAR}" rx="2" class="bar${isOurs ? ' mine' : ''}"/>
<path d="M${round(from)} ${middle}H${round(to)}M${round(from)} ${middle - 4}v8M${round(to)} ${middle - 4}v8" class="spread"/>`
  })
  return svg(bars.length * ROW, label, rows.join('\n'))
}

export interface Line {
  readonly name: string
  /** In milliseconds. */
  readonly distribution: Distribution
}

const PLOT = { left: 92, right: 12, top: 10, height: 230, bottom: 26 }

/** What is drawn of a tail: 90 %, 99 %, 99.9 % … at equal distances, as people who read latencies expect it. */
const SHOWN = [0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999].filter(q => QUANTILES.includes(q))

/** Latency by percentile, both axes logarithmic: a line that stays flat to the right has no tail. */
export function latencyChart(lines: readonly Line[], label: string): string {
  const points = lines.map(({ distribution }) => pointsOf(distribution))
  const values = points.flat().map(([, value]) => value)
  const low = 10 ** Math.floor(Math.log10(Math.max(Math.min(...values), 0.001)))
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values, low * 10)))
  const x = (q: number) =>
    PLOT.left + ((nines(q) - nines(0.5)) / (nines(0.9999) - nines(0.5))) * (WIDTH - PLOT.left - PLOT.right)
  const y = (value: number) =>
    PLOT.top + PLOT.height * (1 - Math.log10(Math.max(value, low) / low) / Math.log10(high / low))
  const drawn = points.map((line, i) => {
    const path = line.map(([q, value], j) => `${j === 0 ? 'M' : 'L'}${round(x(q))} ${round(y(value))}`).join('')
    return `<path d="${path}" class="line series${i % SERIES}"/>`
  })
  const height = PLOT.top + PLOT.height + PLOT.bottom
  return svg(height, label, [...yAxis(low, high, y), ...xAxis(x), ...drawn].join('\n'))
}

/** How many colours the page's style has for lines. */
export const SERIES = 6

/** Fewer than so many latencies are not drawn. */
export const LEAST_LATENCIES = 100

/** A quantile is drawn only where at least ten samples are beyond it: what is further out is chance. */
function pointsOf({ count, quantiles }: Distribution): (readonly [number, number])[] {
  return SHOWN.filter(q => (1 - q) * count >= 10).map(q => [q, quantiles[QUANTILES.indexOf(q)] ?? 0] as const)
}

function nines(q: number): number {
  return -Math.log10(1 - q)
}

function yAxis(low: number, high: number, y: (value: number) => number): string[] {
  const decades = Math.round(Math.log10(high / low))
  return Array.from({ length: decades + 1 }, (_, i) => low * 10 ** i).map(
    value => `<path d="M${PLOT.left} ${round(y(value))}H${WIDTH - PLOT.right}" class="grid"/>
<text x="${PLOT.left - 6}" y="${round(y(value) + 4)}" text-anchor="end" class="tick">${formatNumber(value)} ms</text>`
  )
}

function xAxis(x: (q: number) => number): string[] {
  const bottom = PLOT.top + PLOT.height
  return [0.5, 0.9, 0.99, 0.999, 0.9999].map(
    q => `<path d="M${round(x(q))} ${PLOT.top}V${bottom}" class="grid"/>
<text x="${round(x(q))}" y="${bottom + 18}" text-anchor="${q === 0.9999 ? 'end' : q === 0.5 ? 'start' : 'middle'}" class="tick">${`${100 * q} %`}</text>`
  )
}

function svg(height: number, label: string, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(label)}">\n${content}\n</svg>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
