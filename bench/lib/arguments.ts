/** The command line of `npm run bench`. */

import { parseArgs } from 'node:util'
import type { Scenario } from './scenario.ts'

export interface Arguments {
  readonly names: readonly string[]
  readonly quick: boolean
  readonly soak: boolean
  readonly list: boolean
  /** Only what has a budget that `--quick` holds. */
  readonly check: boolean
  readonly compare: string | undefined
}

export const USAGE = `Usage: npm run bench -- [NAME …] [--quick] [--soak] [--list] [--compare FILE]

  NAME       a scenario, or how the names of several begin: "verify" runs all of verify-…
  --quick    fewer and shorter rounds, and no peers without a budget: under 90 seconds
  --soak     longer, where length is the point
  --check    only what has a budget that a quick run holds; with --quick, that is bench:check
  --list     say what there is, and measure nothing
  --compare  say what has changed since an earlier result, and what is noise`

/** The arguments were not understood; the message says why. */
export class ArgumentsError extends Error {
  override readonly name = 'ArgumentsError'
}

/** @throws {ArgumentsError} */
export function parseArguments(args: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        soak: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        compare: { type: 'string' }
      }
    })
    return { ...values, compare: values.compare, names: positionals }
  } catch (error) {
    throw new ArgumentsError(error instanceof Error ? error.message : String(error))
  }
}

/** The scenarios that the arguments ask for, in the order of the house. @throws {ArgumentsError} */
export function chooseScenarios(all: readonly Scenario[], { names, quick, soak }: Arguments): Scenario[] {
  const fits = (scenario: Scenario, name: string) => scenario.name === name || scenario.name.startsWith(`${name}-`)
  const unknown = names.filter(name => !all.some(scenario => fits(scenario, name)))
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(', ')
    throw new ArgumentsError(`There is no scenario "${unknown.join('", "')}"; there are: ${known}`)
  }
  return all.filter(scenario => {
    // Who names a scenario gets it, whatever else was asked for.
    if (names.length > 0) return names.some(name => fits(scenario, name))
    return (!quick || scenario.fullOnly !== true) && (soak || scenario.soakOnly !== true)
  })
}
