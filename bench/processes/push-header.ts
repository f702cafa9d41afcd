/** The header that moves the clock of `edge-ahead.ts`, which as a Worker module may export only its handler. */

/** Moves the clock of the isolate ahead by this many milliseconds, cumulatively. */
export const PUSH_HEADER = 'x-bench-push'
