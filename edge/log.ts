/** The log of a Worker: its console, one JSON object a line. */

/** Writes a line; those of level `debug` are left out. */
export function log(entry: { level: 'debug' | 'warn' | 'error'; [member: string]: unknown }): void {
  // A refusal is the client's affair and would be a line for each request of an attack.
  if (entry.level === 'debug') return
  // biome-ignore lint/suspicious/noConsole: the console is a Worker's log.
  console[entry.level](JSON.stringify(entry))
}
