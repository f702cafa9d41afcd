/** Waits for something to become true, which a test may; for time to pass it may not. */

type Truthy<T> = Exclude<T, false | null | undefined | '' | 0>

const DEADLINE_MS = 30_000

/** Asks again and again until `check` answers with something truthy, and returns it. */
export async function until<T>(what: string, check: () => T | Promise<T>): Promise<Truthy<T>> {
  const deadlineMs = Date.now() + DEADLINE_MS
  for (;;) {
    const value = await check()
    if (value) return value as Truthy<T>
    if (Date.now() > deadlineMs) throw new Error(`waited ${DEADLINE_MS} ms in vain until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
