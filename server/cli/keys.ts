/** The keys that sign access tokens, from the command line: list, rotate, and remove a key that may be compromised. */

import type { Database } from '../../db/client.ts'
import { listSigningKeys, markRemovalsPublished, type SigningKeyRow } from '../../db/queries/signing-keys.ts'
import { removedKeyEntry } from '../../edge/contract/redis-keys.ts'
import { SHARED_SETTINGS } from '../../edge/contract/shared-settings.ts'
import { createRevocationFeed } from '../../edge/revocation/revocation-feed.ts'
import { openRedis } from '../../edge/store/open-redis.ts'
import { removeKey, rotateKeys, untilKnownMs } from '../features/keys/rotation.ts'
import { createSettingsReader } from '../lib/settings/settings-reader.ts'
import { type Command, type Env, type Terminal, UsageError } from './command.ts'
import { commandLine, withTools } from './with-tools.ts'

/** The Redis in which the removal of a key is published. */
interface RedisSettings {
  readonly url: string
  readonly token: string
  readonly namespace: string
}

/** Longer than for a request, because only the operator waits. */
const REDIS_DEADLINE_MS = 2_000

/**
 * Longer than the life of any token, so that publishing drops no entry. The retention of the origin depends on its
 * `ACCESS_TOKEN_TTL`, which this command may not know. The origin drops entries that are too old.
 */
const DROP_NOTHING_MS = 4_000 * 86_400_000

/** `gatehouse keys list` */
export const listKeys: Command = {
  usage: 'keys list',
  summary: 'Show the keys that sign access tokens, and their states',
  async run(args, env, terminal) {
    if (args.length > 0) throw new UsageError('Usage: gatehouse keys list, without arguments')
    const rows = await withTools(env, ({ database }) => database.run(listSigningKeys))
    for (const row of rows) terminal.out(shown(row, Date.now()))
    return 0
  }
}

/** `gatehouse keys rotate [--now]` */
export const rotate: Command = {
  usage: 'keys rotate [--now]',
  summary: 'Sign with the next key from now on; --now even if edges may not know it yet',
  async run(args, env, terminal) {
    if (args.length > 1 || (args.length === 1 && args[0] !== '--now'))
      throw new UsageError('Usage: gatehouse keys rotate [--now]')
    return withTools(env, async tools => {
      const nowMs = tools.nowMs()
      const rotated = await rotateKeys(tools, commandLine(nowMs), args[0] === '--now')
      if (!rotated.ok) throw new UsageError(tooEarly(rotated.next.kid, rotated.waitMs))
      terminal.out(`"${rotated.active.kid}" signs from now on; every origin follows within seconds.`)
      terminal.out(`"${rotated.retiring.kid}" is accepted until its last token has expired.`)
      terminal.out(`"${rotated.next.kid}" is published and will be the next key.`)
      warnIfUnknown(rotated.active, nowMs, terminal)
      return 0
    })
  }
}

/** `gatehouse keys remove KID` */
export const remove: Command = {
  usage: 'keys remove KID',
  summary: 'Refuse every token of a key at once, for a key that may be compromised',
  async run([kid, ...rest], env, terminal) {
    if (kid === undefined || rest.length > 0)
      throw new UsageError('Usage: gatehouse keys remove KID, with a KID from "gatehouse keys list"')
    const redis = redisOf(env)
    return withTools(env, async tools => {
      const nowMs = tools.nowMs()
      const done = await removeKey(tools, commandLine(nowMs), kid)
      if (done === undefined)
        throw new UsageError(`Found no key "${kid}" that can be removed: see "gatehouse keys list"`)
      terminal.out(`"${kid}" (${done.removed.state}) is removed: every origin refuses it within seconds.`)
      terminal.out(`"${done.active.kid}" signs; "${done.next.kid}" is published and will be the next key.`)
      const obstacle = await publishRemoval(tools.database, redis, kid)
      if (obstacle === undefined) terminal.out('The removal is published: every edge refuses the key within a second.')
      else
        terminal.out(`The removal is not published yet (${obstacle}). A running origin publishes it as soon as it can.`)
      if (done.removed.state === 'active') warnIfUnknown(done.active, nowMs, terminal)
      return 0
    })
  }
}

function shown({ kid, state, stateSince, createdAt }: SigningKeyRow, nowMs: number): string {
  const waitMs = state === 'next' ? untilKnownMs({ createdAt }, nowMs) : 0
  const note = waitMs > 0 ? `, can sign in ${secondsOf(waitMs)} s` : ''
  return `${kid}  ${state} since ${stateSince.toISOString()}${note}`
}

function tooEarly(kid: string, waitMs: number): string {
  return (
    `Tried to rotate and found that some edges may not know the next key "${kid}" yet: wait another ` +
    `${secondsOf(waitMs)} s, or use --now, and edges refuse its tokens until they have read it`
  )
}

function warnIfUnknown(active: SigningKeyRow, nowMs: number, terminal: Terminal): void {
  const waitMs = untilKnownMs(active, nowMs)
  if (waitMs > 0)
    terminal.err(`Edges that have not read "${active.kid}" yet refuse its tokens, for up to ${secondsOf(waitMs)} s.`)
}

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1000)
}

/** Undefined where the settings name no Redis. @throws {ConfigError} before anything is changed */
function redisOf(env: Env): RedisSettings | undefined {
  const read = createSettingsReader(env)
  const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, REDIS_NAMESPACE } = SHARED_SETTINGS
  const url = read.maybe('UPSTASH_REDIS_REST_URL', UPSTASH_REDIS_REST_URL.expected, UPSTASH_REDIS_REST_URL.parse)
  const token = read.maybe(
    'UPSTASH_REDIS_REST_TOKEN',
    UPSTASH_REDIS_REST_TOKEN.expected,
    UPSTASH_REDIS_REST_TOKEN.parse
  )
  const namespace = read.optional('REDIS_NAMESPACE', '', REDIS_NAMESPACE.expected, REDIS_NAMESPACE.parse)
  read.throwIfWrong()
  return url === undefined || token === undefined ? undefined : { url, token, namespace }
}

/** Publishes the removal of a key. @returns why that failed; the job of an origin then publishes it */
async function publishRemoval(
  database: Database,
  redis: RedisSettings | undefined,
  kid: string
): Promise<string | undefined> {
  if (redis === undefined) return 'UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN are not both set here'
  const feed = createRevocationFeed(openRedis({ ...redis, deadlineMs: REDIS_DEADLINE_MS }), DROP_NOTHING_MS)
  try {
    await feed.publish([removedKeyEntry(kid)])
  } catch (error) {
    return error instanceof Error ? error.message : 'the call failed'
  }
  // Where only this note fails, an origin publishes the removal once more, which does no harm.
  await database.run(db => markRemovalsPublished(db, [kid])).catch(() => {})
  return undefined
}
