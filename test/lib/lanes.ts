/** The engines that suites run on: the embedded ones always, real ones where the environment names them. */

/** One pair of engines. `undefined` members mean the embedded engine. */
export interface Lane {
  readonly name: string
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
  /** Why this lane is skipped, if it is. */
  readonly skip: string | false
}

/** The lanes of a suite: `for (const lane of lanes()) t.test(lane.name, { skip: lane.skip }, …)`. */
export function lanes(): readonly Lane[] {
  const { TEST_DATABASE_URL: databaseUrl, TEST_REDIS_URL: redisUrl } = process.env
  const isGiven = databaseUrl !== undefined && redisUrl !== undefined
  return [
    { name: 'embedded engines', databaseUrl: undefined, redisUrl: undefined, skip: false },
    {
      name: 'real engines',
      databaseUrl,
      redisUrl,
      skip: isGiven ? false : 'TEST_DATABASE_URL and TEST_REDIS_URL are not both set'
    }
  ]
}

/** The lane that needs no service of this machine. */
export const EMBEDDED: Lane = { name: 'embedded engines', databaseUrl: undefined, redisUrl: undefined, skip: false }
