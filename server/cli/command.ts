/** The form of a command, and the error of a wrong call. */

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>

/** Where a command writes, line by line. */
export interface Terminal {
  /** Writes a line of the result. */
  out(line: string): void
  /** Writes a line about an error. */
  err(line: string): void
}

/** One command of `gatehouse`. */
export interface Command {
  /** As it is typed, such as `users set-role EMAIL ROLE`. The words in capitals are arguments. */
  readonly usage: string
  readonly summary: string
  /** @returns the exit code: 0, or 1 where the command found a fault */
  run(args: readonly string[], env: Env, terminal: Terminal): Promise<number>
}

/** The command was called wrongly, or its subject does not exist. The message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
