/** Finds and runs a command, and turns an error into a line that says what to do next. */

import { DatabaseUnavailableError } from '../../db/client.ts'
import { ConfigError } from '../lib/settings/settings-reader.ts'
import { verifyAudit } from './audit.ts'
import { type Command, type Env, type Terminal, UsageError } from './command.ts'
import { listKeys, remove, rotate } from './keys.ts'
import { migrate } from './migrate.ts'
import { disableUser, enableUser, setRole, showUser } from './users.ts'

/** Every command. */
const COMMANDS: readonly Command[] = [
  setRole,
  showUser,
  disableUser,
  enableUser,
  listKeys,
  rotate,
  remove,
  verifyAudit,
  migrate
]

/** Runs a command. @returns the exit code: 0 for success, 1 for a failure, 2 for a wrong call */
export async function runCommand(argv: readonly string[], env: Env, terminal: Terminal): Promise<number> {
  const command = COMMANDS.find(({ usage }) => wordsOf(usage).every((word, i) => argv[i] === word))
  if (command === undefined) {
    const isHelp = argv.length === 0 || argv.includes('--help') || argv[0] === 'help'
    if (!isHelp) terminal.err(`There is no command "${argv.join(' ')}".`)
    terminal[isHelp ? 'out' : 'err'](help())
    return isHelp ? 0 : 2
  }
  try {
    return await command.run(argv.slice(wordsOf(command.usage).length), env, terminal)
  } catch (error) {
    terminal.err(explained(error))
    return error instanceof UsageError ? 2 : 1
  }
}

/** The words that name a command, without its arguments. */
function wordsOf(usage: string): string[] {
  return usage.split(' ').filter(word => /^[a-z-]+$/.test(word) && !word.startsWith('--'))
}

function explained(error: unknown): string {
  if (error instanceof UsageError || error instanceof ConfigError) return error.message
  if (error instanceof DatabaseUnavailableError)
    return `Tried to reach the database and found that ${error.message}: check DATABASE_URL, and whether the server runs`
  return `The command failed: ${error instanceof Error ? error.message : error}`
}

function help(): string {
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length)) + 2
  const lines = COMMANDS.map(({ usage, summary }) => `  ${usage.padEnd(width)}${summary}`)
  return [
    'gatehouse <command>',
    '',
    ...lines,
    '',
    'The commands read the same environment as the origin: see .env.example.'
  ].join('\n')
}
