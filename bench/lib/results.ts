/** What a run yields, as it is kept in `bench/results/`; older files are read by `--compare`. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Machine } from './machine.ts'
import type { Measured, Metric } from './scenario.ts'
import { type Distribution, mergeRounds, type Summary, summarize } from './statistics.ts'

/** Changed whenever an older file would be misread. */
export const FORMAT = 1

export interface VariantResult {
  readonly name: string
  readonly metrics: Readonly<Record<string, Summary>>
  readonly latencies: Readonly<Record<string, Distribution>>
  readonly errors: number
  /** As they were measured, oldest first. */
  readonly rounds: readonly Measured[]
}

export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly metrics: Readonly<Record<string, Metric>>
  readonly variants: readonly VariantResult[]
  /** Why it could not be measured to its end, where it could not. */
  readonly failure?: string
  readonly seconds: number
}

export interface RunResult {
  readonly format: typeof FORMAT
  readonly startedAt: string
  readonly seconds: number
  readonly quick: boolean
  readonly soak: boolean
  readonly command: string
  readonly machine: Machine
  readonly scenarios: readonly ScenarioResult[]
}

/** Sums the rounds of one variant up. */
export function summarizeVariant(name: string, rounds: readonly Measured[]): VariantResult {
  const names = new Set(rounds.flatMap(round => Object.keys(round.metrics)))
  const labels = new Set(rounds.flatMap(round => Object.keys(round.latencies ?? {})))
  const values = (metric: string) => rounds.flatMap(({ metrics }) => metrics[metric] ?? [])
  const distributions = (label: string) => rounds.flatMap(({ latencies }) => latencies?.[label] ?? [])
  return {
    name,
    metrics: Object.fromEntries([...names].map(metric => [metric, summarize(values(metric))])),
    latencies: Object.fromEntries([...labels].map(label => [label, mergeRounds(distributions(label))])),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    rounds
  }
}

export async function writeResult(path: string, result: RunResult): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(result, null, 1)}\n`)
}

/** @throws where the file is none of ours, or of another format */
export async function readResult(path: string): Promise<RunResult> {
  const result = JSON.parse(await readFile(path, 'utf8')) as RunResult
  if (result?.format === FORMAT) return result
  throw new Error(`"${path}" holds no result of format ${FORMAT}: found "${result?.format}"`)
}
