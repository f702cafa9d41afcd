/** The secrets of a local system: made once, kept beside its data, so that it survives a restart. */

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface LocalSecrets {
  readonly rootSecret: string
  readonly edgeSecret: string
  readonly redisToken: string
}

/** Reads the secrets of `dataDir`, or makes them where there are none. */
export async function localSecrets(dataDir: string): Promise<LocalSecrets> {
  const path = join(dataDir, 'secrets.json')
  await mkdir(dataDir, { recursive: true })
  const create = () => randomBytes(32).toString('base64url')
  const fresh = { rootSecret: create(), edgeSecret: create(), redisToken: create() }
  try {
    // `wx`: of two that start at once, one writes and both read.
    await writeFile(path, `${JSON.stringify(fresh, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
    return fresh
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return JSON.parse(await readFile(path, 'utf8')) as LocalSecrets
  }
}
