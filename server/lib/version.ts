/** The version of this installation. */

import { readFileSync } from 'node:fs'

/** As package.json says it; the origin runs from a checkout, so the file is there in production as well. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
