/** The secrets of a local system: generated once and kept with its data across restarts. */

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The secrets. */
export interface LocalSecrets {
  readonly rootSecret: string
  readonly edgeSecret: string
  readonly redisToken: string
}

/** Reads the secrets in `dataDir`, or generates them. */
export async function localSecrets(dataDir: string): Promise<LocalSecrets> {
  const path = join(dataDir, 'secrets.json')
  await mkdir(dataDir, { recursive: true })
  const create = () => randomBytes(32).toString('base64url')
  const fresh = { rootSecret: create(), edgeSecret: create(), redisToken: create() }
  try {
    // `wx`: if two systems start at once, one writes the file and both read it.
    await writeFile(path, `${JSON.stringify(fresh, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
    return fresh
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return JSON.parse(await readFile(path, 'utf8')) as LocalSecrets
  }
}
