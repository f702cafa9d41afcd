/** Lifetimes that are not settings, and arithmetic with times. */

/** Seconds after which an email about an event on an account is not sent any more. */
export const NOTICE_TTL = 86_400

/** `time` plus whole seconds. */
export function secondsAfter(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000)
}
