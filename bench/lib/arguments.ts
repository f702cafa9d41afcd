/** Parses the command line of `npm run bench` and chooses the scenarios. Running them is left to `rounds.ts`. */

import { parseArgs } from 'node:util'
import type { Scenario } from './scenario.ts'

/** The parsed command line. */
export interface Arguments {
  readonly names: readonly string[]
  readonly quick: boolean
  readonly soak: boolean
  readonly list: boolean
  /** Only scenarios with a budget that a quick run checks. */
  readonly check: boolean
  readonly compare: string | undefined
  readonly help: boolean
}

/** Printed by `--help` and after an argument error. */
export const USAGE = `Usage: npm run bench -- [NAME …] [--quick] [--soak] [--check] [--list] [--compare FILE]

  NAME       run this scenario, or all scenarios of a group: "verify" runs every verify-…
  --quick    fewer and shorter rounds, without peers that no budget uses: under 90 seconds
  --soak     longer runs of the scenarios that watch growth over time
  --check    only scenarios with a budget that a quick run checks (npm run bench:check)
  --list     list the scenarios and exit
  --compare  compare with an earlier result file, and tell changes from noise
  --help     print this text and exit`

/** The command line is invalid; the message says why. */
export class ArgumentsError extends Error {
  override readonly name = 'ArgumentsError'
}

/** Parses the command line. @throws {ArgumentsError} */
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
        compare: { type: 'string' },
        help: { type: 'boolean', default: false }
      }
    })
    return { ...values, compare: values.compare, names: positionals }
  } catch (error) {
    throw new ArgumentsError(error instanceof Error ? error.message : String(error))
  }
}

/** The scenarios that the arguments select, in the order of `all`. @throws {ArgumentsError} */
export function chooseScenarios(all: readonly Scenario[], { names, quick, soak }: Arguments): Scenario[] {
  const fits = (scenario: Scenario, name: string) => scenario.name === name || scenario.name.startsWith(`${name}-`)
  const unknown = names.filter(name => !all.some(scenario => fits(scenario, name)))
  if (unknown.length > 0) {
    const known = all.map(({ name }) => name).join(', ')
    throw new ArgumentsError(`Unknown scenario "${unknown.join('", "')}". The scenarios are: ${known}`)
  }
  return all.filter(scenario => {
    // A scenario that is named runs, whatever the other options say.
    if (names.length > 0) return names.some(name => fits(scenario, name))
    return (!quick || scenario.fullOnly !== true) && (soak || scenario.soakOnly !== true)
  })
}
