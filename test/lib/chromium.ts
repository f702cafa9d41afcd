/** Debian's Chromium for a test, without its background traffic. */

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import type { Teardown } from './test-engines.ts'

const CHROMIUM = '/usr/bin/chromium'

/** `false` where it is installed, otherwise why its tests are skipped. */
export const withoutChromium = existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}`

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

/** Starts it, with further arguments of the test. It ends with the test. */
export async function openChromium(t: Teardown, ...more: readonly string[]): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, ...more] })
  t.teardown(() => browser.close())
  return browser
}
