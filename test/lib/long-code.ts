/** Finds the functions and files of one source that are long enough to need a stated reason. */

import { createRequire } from 'node:module'
import type TypeScript from '../interop/node_modules/typescript/lib/typescript.d.ts'

// TypeScript 7 has no JavaScript API: the parser is that of the version which the interoperability tests install.
const ts: typeof TypeScript = createRequire(new URL('../interop/package.json', import.meta.url))('typescript')

export const MAX_FUNCTION_LINES = 40
export const MAX_FILE_LINES = 200

const FUNCTION_REASON = `Over ${MAX_FUNCTION_LINES} lines: `
const FILE_REASON = `Over ${MAX_FILE_LINES} lines: `

/** The missing reasons for long functions and long files, and the reasons that are no longer needed. */
export function missingReasons(path: string, text: string): string[] {
  const faults: string[] = []
  const lines = text.split('\n')
  const isLong = lines.length - 1 > MAX_FILE_LINES
  if (isLong !== text.includes(FILE_REASON)) {
    faults.push(`${path}: ${lines.length - 1} lines and ${isLong ? 'no reason' : 'a reason that holds no longer'}`)
  }
  const reasonLines = new Set(lines.flatMap((line, i) => (line.includes(FUNCTION_REASON) ? [i] : [])))
  for (const { firstLine, lineCount } of functionsOf(path, text)) {
    if (lineCount <= MAX_FUNCTION_LINES) continue
    const reasonLine = commentLines(lines, firstLine).find(line => reasonLines.has(line))
    if (reasonLine === undefined)
      faults.push(`${path}:${firstLine + 1}: a function of ${lineCount} lines and no reason`)
    else reasonLines.delete(reasonLine)
  }
  for (const line of reasonLines) faults.push(`${path}:${line + 1}: a reason without a long function below it`)
  return faults
}

/** The lines of the comment directly above a line. */
function commentLines(lines: readonly string[], below: number): number[] {
  const found: number[] = []
  for (let i = below - 1; i >= 0 && /^\s*(\/\/|\/?\*)/.test(lines[i] ?? ''); i--) found.push(i)
  return found
}

/** The functions with a name: declarations, methods and assigned functions, but not callbacks. */
function functionsOf(path: string, text: string): { readonly firstLine: number; readonly lineCount: number }[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lineOf = (position: number) => file.getLineAndCharacterOfPosition(position).line
  const found: { firstLine: number; lineCount: number }[] = []
  const visit = (node: TypeScript.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body && !ts.isCallExpression(node.parent)) {
      const statement =
        ts.findAncestor(
          node,
          one =>
            ts.isStatement(one) || ts.isClassElement(one) || ts.isPropertyAssignment(one) || ts.isMethodDeclaration(one)
        ) ?? node
      const owner = ts.isBlock(statement) ? node : statement
      found.push({
        firstLine: lineOf(owner.getStart(file)),
        lineCount: lineOf(node.end) - lineOf(node.getStart(file)) + 1
      })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}
