/** Scopes close the parts that a run, a scenario or a round has opened, also after a failure or Ctrl-C. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from './scenario.ts'

/** The options of a run that scenarios depend on. */
export interface ScopeOptions {
  readonly quick: boolean
  readonly soak: boolean
}

/** A scope and the right to end it. */
export interface OpenScope extends Scope {
  /** Opens a scope inside this one. It ends with this one at the latest. */
  child(): Promise<OpenScope>
  /** Closes all parts, last opened first. A part that fails to close does not stop the others from closing. */
  close(): Promise<void>
}

/** Opens a scope with a temporary folder of its own. */
export async function openScope(options: ScopeOptions): Promise<OpenScope> {
  const dir = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  const parts = new Set<{ close(): unknown }>()
  let closing: Promise<void> | undefined

  const scope: OpenScope = {
    ...options,
    dir,
    closing(part) {
      parts.add(part)
      // A part that was still starting at Ctrl-C arrives after the others were closed.
      if (closing !== undefined) closing = closing.then(() => part.close()).then(() => {})
      return part
    },
    pick: (full, quick) => (options.quick ? quick : full),
    async child() {
      if (closing !== undefined) throw new Error('the scope was closed')
      const inner = await openScope(options)
      parts.add(inner)
      return {
        ...inner,
        close: async () => {
          await inner.close()
          parts.delete(inner)
        }
      }
    },
    close: () => (closing ??= closeAll(parts, dir))
  }
  return scope
}

async function closeAll(parts: Set<{ close(): unknown }>, dir: string): Promise<void> {
  const failures: unknown[] = []
  for (const part of [...parts].reverse()) {
    try {
      await part.close()
    } catch (error) {
      failures.push(error)
    }
  }
  await rm(dir, { recursive: true, force: true, maxRetries: 10 })
  if (failures.length > 0)
    throw new AggregateError(failures, 'closing the benchmark failed: some processes or files may remain')
}
