/** How long things are good that no setting is about, and arithmetic with times. */

/** Seconds for which a notice to a person is worth sending. */
export const NOTICE_TTL = 86_400

/** `time` plus whole seconds. */
export function secondsAfter(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000)
}
