/** Reads `.env.example`: its settings, and which of them each process reads. */

import { readFile } from 'node:fs/promises'
import { parseEdgeSettings } from '../../edge/settings.ts'
import { loadConfig } from '../../server/config.ts'

/** Names with their defaults; a line that is commented out is a setting without a default. */
export async function exampleSettings(): Promise<Map<string, string | undefined>> {
  const text = await readFile(new URL('../../.env.example', import.meta.url), 'utf8')
  const lines = text.matchAll(/^(# )?([A-Z][A-Z0-9_]+)=(.*)$/gm)
  return new Map(
    [...lines].map(([, commented, name = '', value = '']) => [
      name,
      commented ? undefined : value.replace(/^"|"$/g, '')
    ])
  )
}

/** The variables that each process reads. */
export function askedSettings(): { readonly origin: ReadonlySet<string>; readonly edge: ReadonlySet<string> } {
  return { origin: asked(loadConfig), edge: asked(parseEdgeSettings) }
}

/** Some settings are read only if another one is set. */
const GATES: Readonly<Record<string, string>> = {
  CAPTCHA_SECRET: 'a secret',
  JWKS: '{}',
  FALLBACK_CLIENT_ADDRESS: '127.0.0.1'
}

function asked(read: (env: Readonly<Record<string, string | undefined>>) => unknown): ReadonlySet<string> {
  const names = new Set<string>()
  const env = new Proxy<Record<string, string | undefined>>(
    {},
    {
      get(_target, name) {
        names.add(String(name))
        return GATES[String(name)]
      }
    }
  )
  try {
    read(env)
  } catch {
    // It reads every setting before it throws for the missing ones.
  }
  return names
}
