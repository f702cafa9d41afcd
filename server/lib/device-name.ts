/** A device in words, from its User-Agent: for the list of sessions and for mails. */

import Bowser from 'bowser'

/** Longer ones are no browser's, and the parser's patterns were not made for them. */
const MAX_PARSED = 512

/** Such as `Firefox on Linux`, or the product token of a program (`curl/8.5.0`), or `Unknown device`. */
export function deviceName(userAgent: string): string {
  if (userAgent === '' || userAgent.length > MAX_PARSED) return 'Unknown device'
  const { browser, os } = Bowser.parse(userAgent)
  if (browser.name && os.name) return `${browser.name} on ${os.name}`
  return browser.name || (/^[\w.-]{1,40}(?:\/[\w.-]{1,20})?/.exec(userAgent)?.[0] ?? 'Unknown device')
}
