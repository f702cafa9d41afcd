/** The logger of one request: a child logger with its id, created for the first line. Most requests write no line. */

import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
type Bindings = Parameters<FastifyBaseLogger['child']>[0]

/** Pino's logger, which has more than Fastify's type promises. */
type Parent = FastifyBaseLogger & { isLevelEnabled(level: Level): boolean }

/**
 * Creates the logger of a request, without a child yet. Creating one takes longer than verifying a remembered token,
 * because redaction reads the bindings of every child.
 */
export const createRequestLogger: NonNullable<FastifyServerOptions['childLoggerFactory']> = (
  parent,
  bindings,
  options
) =>
  // A route with log options of its own needs a real child.
  Object.keys(options).length > 0 ? parent.child(bindings, options) : new RequestLogger(parent as Parent, bindings)

class RequestLogger implements FastifyBaseLogger {
  readonly #parent: Parent
  readonly #bindings: Bindings
  #child: FastifyBaseLogger | undefined

  constructor(parent: Parent, bindings: Bindings) {
    this.#parent = parent
    this.#bindings = bindings
  }

  get level(): string {
    return this.#parent.level
  }

  fatal(...line: unknown[]): void {
    this.#write('fatal', line)
  }

  error(...line: unknown[]): void {
    this.#write('error', line)
  }

  warn(...line: unknown[]): void {
    this.#write('warn', line)
  }

  info(...line: unknown[]): void {
    this.#write('info', line)
  }

  debug(...line: unknown[]): void {
    this.#write('debug', line)
  }

  trace(...line: unknown[]): void {
    this.#write('trace', line)
  }

  silent(): void {}

  child(...args: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.#own().child(...args)
  }

  #write(level: Level, line: unknown[]): void {
    if (this.#parent.isLevelEnabled(level)) this.#own()[level](...(line as [object, string]))
  }

  #own(): FastifyBaseLogger {
    this.#child ??= this.#parent.child(this.#bindings)
    return this.#child
  }
}
