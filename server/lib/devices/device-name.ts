/** The name of a device, from its User-Agent, for the list of sessions and for emails. */

import Bowser from 'bowser'

/** No browser sends a longer User-Agent, and the patterns of the parser are slow on long ones. */
const MAX_PARSED = 512

/** For example `Firefox on Linux`, the product token of a program (`curl/8.5.0`), or `Unknown device`. */
export function deviceName(userAgent: string): string {
  if (userAgent === '' || userAgent.length > MAX_PARSED) return 'Unknown device'
  const { browser, os } = Bowser.parse(userAgent)
  if (browser.name && os.name) return `${browser.name} on ${os.name}`
  return browser.name || (/^[\w.-]{1,40}(?:\/[\w.-]{1,20})?/.exec(userAgent)?.[0] ?? 'Unknown device')
}

/** The parser names an unknown browser by words of the header, so only names from its lists count. */
const BROWSERS: ReadonlySet<string> = new Set(Object.values(Bowser.BROWSER_MAP))
const SYSTEMS: ReadonlySet<string> = new Set(Object.values(Bowser.OS_MAP))

/** Programs by the product token with which their User-Agent begins, in lower case. */
const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['apache-httpclient', 'Apache HttpClient'],
  ['axios', 'Axios'],
  ['bun', 'Bun'],
  ['curl', 'curl'],
  ['dart', 'Dart'],
  ['deno', 'Deno'],
  ['go-http-client', 'a Go program'],
  ['got', 'Got'],
  ['httpie', 'HTTPie'],
  ['insomnia', 'Insomnia'],
  ['java', 'a Java program'],
  ['node', 'Node.js'],
  ['node-fetch', 'Node.js'],
  ['okhttp', 'OkHttp'],
  ['postmanruntime', 'Postman'],
  ['python-httpx', 'a Python program'],
  ['python-requests', 'a Python program'],
  ['python-urllib', 'a Python program'],
  ['reqwest', 'a Rust program'],
  ['ruby', 'a Ruby program'],
  ['undici', 'Node.js'],
  ['wget', 'Wget']
])

/**
 * For example `Firefox on Linux`, `curl` or `an unknown device`: only names from lists, never a word of the header.
 *
 * Security: an attacker with the password, or with a registration where verification is optional, chooses the header. An
 * email must not carry that text to any recipient.
 */
export function knownDeviceName(userAgent: string): string {
  if (userAgent === '' || userAgent.length > MAX_PARSED) return 'an unknown device'
  const { browser, os } = Bowser.parse(userAgent)
  const token = /^[\w-]+/.exec(userAgent)?.[0].toLowerCase() ?? ''
  const program = known(BROWSERS, browser.name) ?? PROGRAMS.get(token)
  const system = known(SYSTEMS, os.name)
  if (program === undefined) return 'an unknown device'
  return system === undefined ? program : `${program} on ${system}`
}

function known(names: ReadonlySet<string>, name: string | undefined): string | undefined {
  return name !== undefined && names.has(name) ? name : undefined
}
