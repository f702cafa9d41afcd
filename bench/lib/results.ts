/** The result of a run as `bench/results/` stores it, and how rounds are summed up. `--compare` reads older files. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Machine } from './machine.ts'
import type { Measured, Metric } from './scenario.ts'
import { type Distribution, mergeRounds, type Summary, summarize } from './statistics.ts'

/** Raised when older files can no longer be read correctly. */
export const FORMAT = 1

/** The rounds of one variant and their summary. */
export interface VariantResult {
  readonly name: string
  readonly metrics: Readonly<Record<string, Summary>>
  readonly latencies: Readonly<Record<string, Distribution>>
  readonly errors: number
  /** The raw rounds, oldest first. */
  readonly rounds: readonly Measured[]
}

/** One scenario of a run. */
export interface ScenarioResult {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly metrics: Readonly<Record<string, Metric>>
  readonly variants: readonly VariantResult[]
  /** Why the scenario was not measured to its end. Absent: it was. */
  readonly failure?: string
  readonly seconds: number
}

/** A whole run. */
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

/** Summarizes the rounds of one variant. */
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

/** Writes a result as JSON and creates the folder if needed. */
export async function writeResult(path: string, result: RunResult): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(result, null, 1)}\n`)
}

/** Reads a result. @throws if the file is not a result, or has another format */
export async function readResult(path: string): Promise<RunResult> {
  const result = JSON.parse(await readFile(path, 'utf8')) as RunResult
  if (result?.format === FORMAT) return result
  throw new Error(`Reading "${path}" failed: expected a result of format ${FORMAT}, found "${result?.format}"`)
}
