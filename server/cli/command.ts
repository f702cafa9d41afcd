/** What a command is, and how it says that it was called wrongly. */

export type Env = Readonly<Record<string, string | undefined>>

/** Where a command writes, line by line. */
export interface Terminal {
  /** What was asked for. */
  out(line: string): void
  /** What went wrong. */
  err(line: string): void
}

export interface Command {
  /** As it is typed, such as `users set-role EMAIL ROLE`; the words in capitals are its arguments. */
  readonly usage: string
  readonly summary: string
  /** @returns the exit code: 0, or 1 where it found that something is wrong */
  run(args: readonly string[], env: Env, terminal: Terminal): Promise<number>
}

/** The command was called wrongly, or what it was asked for does not exist; the message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
