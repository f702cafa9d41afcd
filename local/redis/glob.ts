/** The patterns of KEYS and SCAN: `*`, `?`, `[a-c]`, `[^a]` and `\` as in Redis, as a regular expression over bytes. */

/** Compiles a pattern; the result matches a whole key. */
export function globToRegExp(pattern: string): RegExp {
  let source = ''
  for (let at = 0; at < pattern.length; ) {
    const [piece, next] = translate(pattern, at)
    // Two stars match the same as one, but both would make the expression backtrack exponentially.
    if (piece !== '.*' || !source.endsWith('.*')) source += piece
    at = next
  }
  return new RegExp(`^${source}$`, 's')
}

function translate(pattern: string, at: number): [piece: string, next: number] {
  const char = pattern.charAt(at)
  if (char === '*') return ['.*', at + 1]
  if (char === '?') return ['.', at + 1]
  if (char === '[') return translateClass(pattern, at + 1)
  if (char === '\\' && at + 1 < pattern.length) return [literal(pattern.charAt(at + 1)), at + 2]
  return [literal(char), at + 1]
}

/** A class ends at `]`, or without one at the end of the pattern, as in Redis. */
function translateClass(pattern: string, start: number): [piece: string, next: number] {
  const negated = pattern.charAt(start) === '^'
  let at = negated ? start + 1 : start
  let members = ''
  while (at < pattern.length && pattern.charAt(at) !== ']') {
    if (pattern.charAt(at) === '\\' && at + 1 < pattern.length) {
      members += literal(pattern.charAt(at + 1))
      at += 2
    } else if (pattern.charAt(at + 1) === '-' && at + 2 < pattern.length) {
      const [low, high] = [pattern.charAt(at), pattern.charAt(at + 2)].sort()
      members += `${literal(low ?? '')}-${literal(high ?? '')}`
      at += 3
    } else {
      members += literal(pattern.charAt(at))
      at += 1
    }
  }
  const piece = members === '' ? (negated ? '.' : '(?!)') : `[${negated ? '^' : ''}${members}]`
  return [piece, at + 1]
}

const literal = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
