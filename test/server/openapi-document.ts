/** The OpenAPI document that a real origin emits, as text. Run as a program, this file renews the snapshot. */

import { writeFile } from 'node:fs/promises'
import type { Teardown } from '../lib/test-engines.ts'
import { openTestOrigin } from '../lib/test-origin.ts'

/** The location of the snapshot. */
export const SNAPSHOT = new URL('openapi.snapshot.json', import.meta.url)

/** Emits the document, pretty-printed, for a constant public URL. */
export async function emitDocument(t: Teardown): Promise<string> {
  const { url } = await openTestOrigin(t, { PUBLIC_URL: 'https://auth.example.com', DOCS: 'true' })
  const response = await fetch(`${url}/openapi.json`)
  return `${JSON.stringify(await response.json(), null, 2)}\n`
}

if (import.meta.main) {
  const teardowns: (() => unknown)[] = []
  try {
    await writeFile(SNAPSHOT, await emitDocument({ teardown: work => teardowns.unshift(work) }))
  } finally {
    for (const work of teardowns) await work()
  }
}
