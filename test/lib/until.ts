/** Waits until a condition is true. A test may wait for a condition, but not for time to pass. */

type Truthy<T> = Exclude<T, false | null | undefined | '' | 0>

const DEADLINE_MS = 30_000

/** Calls `check` repeatedly until it returns a truthy value, and returns that value. */
export async function until<T>(what: string, check: () => T | Promise<T>): Promise<Truthy<T>> {
  const deadlineMs = Date.now() + DEADLINE_MS
  for (;;) {
    const value = await check()
    if (value) return value as Truthy<T>
    if (Date.now() > deadlineMs) throw new Error(`waited ${DEADLINE_MS} ms in vain until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
