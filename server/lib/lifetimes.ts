/** Lifetimes that are not settings, and arithmetic with times. */

/** Seconds after which a notice about an account is no longer sent. */
export const NOTICE_TTL = 86_400

/** `time` plus whole seconds. */
export function secondsAfter(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000)
}
