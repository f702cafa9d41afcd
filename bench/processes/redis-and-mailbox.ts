/** A process with Redis over REST and a mailbox, so that their CPU time is not that of the load generator. */

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { openMailbox } from '../../local/mailbox.ts'
import { openEngineBackend, openRedisRest, type RedisBackend } from '../../local/redis-rest.ts'
import type { Endpoints, RedisAndMailboxQuestion, RedisKeys } from '../lib/engines.ts'
import { answerParent } from './answer-parent.ts'

let delayMs = 0

const engine = await openEngineBackend()
const backend: RedisBackend = {
  ...engine,
  async execute(command) {
    if (delayMs > 0) await sleep(delayMs)
    return engine.execute(command)
  }
}
const redis = await openRedisRest({ backend, token: randomBytes(16).toString('hex') })
const mailbox = await openMailbox()

answerParent<RedisAndMailboxQuestion>(question => {
  // The number of HTTP requests answered so far.
  if (question === 'redis-calls') return redis.calls()
  if (question === 'redis-keys') return scanKeys()
  if (question === 'endpoints')
    return { redisUrl: redis.url, redisToken: redis.token, smtpUrl: mailbox.smtpUrl } satisfies Endpoints
  delayMs = question.delayMs
  return delayMs
})

async function scanKeys(): Promise<RedisKeys> {
  const lasting: string[] = []
  let [cursor, count] = ['0', 0]
  do {
    const [next, keys] = (await engine.execute(['SCAN', cursor, 'COUNT', '1000'])) as [string, string[]]
    for (const key of keys) if ((await engine.execute(['PTTL', key])) === -1) lasting.push(key)
    count += keys.length
    cursor = next
  } while (cursor !== '0')
  return { count, lasting }
}
