/** The log of a Worker: its console, one JSON object per line. */

/** Writes a line. Lines of level `debug` are dropped. */
export function log(entry: { level: 'debug' | 'warn' | 'error'; [member: string]: unknown }): void {
  // Refusals that clients cause have this level. An attack would write a line for each request.
  if (entry.level === 'debug') return
  // biome-ignore lint/suspicious/noConsole: the console is a Worker's log.
  console[entry.level](JSON.stringify(entry))
}
