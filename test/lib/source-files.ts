/** The sources of the house, for tests that apply a rule to all of them. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Every folder with TypeScript of ours. */
export const SOURCE_FOLDERS = ['edge', 'server', 'fastify', 'db', 'local', 'bench', 'test'] as const

/** The TypeScript files below these folders as paths from the root, sorted; generated and installed ones are left out. */
export async function sourcePaths(folders: readonly string[] = SOURCE_FOLDERS): Promise<string[]> {
  const lists = await Promise.all(
    folders.map(async folder => {
      const entries = await readdir(join(ROOT, folder), { recursive: true }).catch(() => [])
      return entries.filter(isOurs).map(path => join(folder, path))
    })
  )
  return lists.flat().sort()
}

/** The text of a file, by its path from the root. */
export function readSource(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8')
}

function isOurs(path: string): boolean {
  return path.endsWith('.ts') && !path.endsWith('.d.ts') && !path.includes('node_modules')
}
