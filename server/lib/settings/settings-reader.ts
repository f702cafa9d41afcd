/** Reads settings and collects every fault, to report all of them in one error. */

import {
  type SettingForm,
  SHARED_SETTINGS,
  type SharedSetting,
  type SharedSettingName
} from '../../../edge/contract/shared-settings.ts'

/** Names every setting that is missing or malformed, and never the value of one. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** The fault of a value where its expected form would not explain it. It holds no secret part of the value. */
export class SettingFault {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

type Parse<T> = (value: string) => T | SettingFault | undefined

/** Parses settings one by one, and reports the faults of all. */
export interface SettingsReader {
  /** @param expected the form of a valid value, in words */
  required<T>(name: string, expected: string, parse: Parse<T>): T
  /** @param fallback the default, as it would be written in the environment */
  optional<T>(name: string, fallback: string, expected: string, parse: Parse<T>): T
  /** A setting that may be left out: `undefined` then. */
  maybe<T>(name: string, expected: string, parse: Parse<T>): T | undefined
  /** A setting that the edge has as well, with the same grammar. It is required where it has no default. */
  shared<Name extends SharedSettingName>(name: Name, fallback?: string): SharedSetting<Name>
  /** Adds a fault to a well-formed value unless the demand is fulfilled. */
  demand(name: string, fulfilled: boolean, expected: string): void
  /** @throws {ConfigError} */
  throwIfWrong(): void
}

/**
 * Creates a reader. A malformed value is `undefined` whatever its type says, so no value may be used before
 * `throwIfWrong` has returned.
 */
export function createSettingsReader(env: Readonly<Record<string, string | undefined>>): SettingsReader {
  const wrong: string[] = []
  const parsed = <T>(name: string, value: string, expected: string, parse: Parse<T>): T => {
    const result = parse(value)
    if (result === undefined) wrong.push(`${name} is malformed: expected ${expected}`)
    if (result instanceof SettingFault) wrong.push(`${name} is malformed: ${result.reason}`)
    return result as T
  }

  const required = <T>(name: string, expected: string, parse: Parse<T>): T => {
    const value = env[name]
    if (value !== undefined && value !== '') return parsed(name, value, expected, parse)
    wrong.push(`${name} is missing: expected ${expected}`)
    return undefined as never
  }
  const optional = <T>(name: string, fallback: string, expected: string, parse: Parse<T>) =>
    parsed(name, env[name] ?? fallback, expected, parse)

  return {
    required,
    optional,
    shared(name, fallback = SHARED_SETTINGS[name].fallback) {
      const { expected, parse } = SHARED_SETTINGS[name] as SettingForm<SharedSetting<typeof name>>
      return fallback === undefined ? required(name, expected, parse) : optional(name, fallback, expected, parse)
    },
    demand(name, fulfilled, expected) {
      if (!fulfilled) wrong.push(`${name} is malformed: expected ${expected}`)
    },
    maybe(name, expected, parse) {
      const value = env[name]
      return value === undefined || value === '' ? undefined : parsed(name, value, expected, parse)
    },
    throwIfWrong() {
      if (wrong.length > 0) throw configError(wrong)
    }
  }
}

function configError(wrong: readonly string[]): ConfigError {
  const count = wrong.length === 1 ? 'One setting is' : `${wrong.length} settings are`
  return new ConfigError(
    `${count} missing or malformed:\n${wrong.map(line => `  - ${line}`).join('\n')}\n` +
      'Every setting is explained in .env.example. For a complete system on this machine: npm run dev'
  )
}
