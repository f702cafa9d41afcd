/** Puts hashing behind the event loop: whoever signs in waits anyway, and nobody else should wait for them. */

import { readdirSync, readFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'

/** How much nicer than the event loop the threads of the pool are (nice(2)): about a third of its weight. */
export const POOL_NICENESS = 5

const TASKS = '/proc/self/task'
/** What libuv calls the threads of its pool. */
const POOL_THREAD = 'libuv-worker'

/**
 * Lowers the priority of libuv's pool, whose threads must have been started: by the first work that went there. Where all
 * cores are hashing, the event loop would else wait for its turn among them.
 *
 * Linux alone gives a thread a priority of its own. Elsewhere, and where a sandbox forbids it, hashing competes as before.
 *
 * @returns how many threads it was
 */
export function lowerPoolPriority(): number {
  try {
    const threads = readdirSync(TASKS).filter(isPoolThread).map(Number)
    const niceness = Math.min(constants.priority.PRIORITY_LOW, getPriority() + POOL_NICENESS)
    for (const thread of threads) setPriority(thread, niceness)
    return threads.length
  } catch {
    return 0
  }
}

function isPoolThread(thread: string): boolean {
  return readFileSync(`${TASKS}/${thread}/comm`, 'latin1').trim() === POOL_THREAD
}
