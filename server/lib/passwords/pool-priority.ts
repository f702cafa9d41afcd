/** Gives hashing a lower priority than the event loop: a login waits for its hash, and no other request should. */

import { readdirSync, readFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'

/** By how much the threads of the pool are nicer than the event loop (nice(2)): about a third of its weight. */
export const POOL_NICENESS = 5

const TASKS = '/proc/self/task'
/** The name that libuv gives the threads of its pool. */
const POOL_THREAD = 'libuv-worker'

/**
 * Lowers the priority of libuv's thread pool. Otherwise the event loop would wait for its turn while every core hashes.
 *
 * The threads must run already: the first work for the pool starts them. Only Linux gives a thread a priority of its own.
 * On other systems, and where a sandbox forbids it, nothing changes.
 *
 * @returns the number of threads with a lower priority
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
