/** Folders that are gone after a test. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The part of a tap test that the helpers need. */
export interface Teardown {
  teardown(work: () => unknown): void
}

/** A folder that is gone after the test. */
export async function temporaryDir(t: Teardown): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gatehouse-test-'))
  t.teardown(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }))
  return dir
}
