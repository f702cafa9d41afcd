/** Scopes: what a run, a scenario or a round has opened is closed when it ends, however it ends. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from './scenario.ts'

export interface ScopeOptions {
  readonly quick: boolean
  readonly soak: boolean
}

export interface OpenScope extends Scope {
  /** Opens a scope inside of this one, which ends with it. */
  child(): Promise<OpenScope>
  /** Closes all that is open, last opened first. What fails to close does not keep the rest from closing. */
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
      // At Ctrl-C something may just have been starting: it comes too late to be closed with the others.
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
  if (failures.length > 0) throw new AggregateError(failures, 'not everything of the benchmark could be closed')
}
