/** Checks that options are complete and known. TypeScript checks literals only, and JavaScript nothing. */

/** Every option by name. A missing or unknown name does not compile. */
export type OptionNames<Options> = {
  readonly [Name in keyof Options]-?: undefined extends Options[Name] ? 'optional' : 'required'
}

/**
 * Throws a TypeError that names the first missing or unknown option. A misspelt option would otherwise be ignored, and
 * the default would apply instead.
 *
 * @param purpose completes the sentence "Cannot …"
 */
export function requireOptions<Options>(purpose: string, options: Options, names: OptionNames<Options>): void {
  const given = options as Readonly<Record<string, unknown>>
  const needs: Readonly<Record<string, string>> = names
  const unknown = Object.keys(given).find(name => !Object.hasOwn(needs, name))
  if (unknown !== undefined) {
    const known = Object.keys(needs).join('", "')
    throw new TypeError(`Cannot ${purpose}: "${unknown}" is not an option. Options are "${known}"`)
  }
  const missing = Object.keys(needs).find(name => needs[name] === 'required' && given[name] === undefined)
  if (missing !== undefined) throw new TypeError(`Cannot ${purpose}: the option "${missing}" is missing`)
}
