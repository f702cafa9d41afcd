/** The check that every option has a known name: TypeScript says it of a literal only, and JavaScript says nothing. */

/**
 * Throws a TypeError that names the first unknown option: a misspelt one would be ignored, and its default would hold.
 *
 * @param purpose ends the sentence "Cannot …"
 */
export function requireKnownOptions(purpose: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown === undefined) return
  throw new TypeError(`Cannot ${purpose}: "${unknown}" is not an option. Options are "${known.join('", "')}"`)
}
