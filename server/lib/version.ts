/** The version of this installation. */

import { readFileSync } from 'node:fs'

/** From package.json. The origin runs from a checkout, so the file exists in production as well. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
