/** How a scenario tells `edge-ahead.ts` to push its clock; a file of its own, because a Worker exports nothing but itself. */

/** Every request that has it pushes the clock of its isolate so many milliseconds ahead, once more. */
export const PUSH_HEADER = 'x-bench-push'
