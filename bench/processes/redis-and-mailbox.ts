/** Redis over REST and a mailbox in a process of their own, so that their work is not the load generator's. */

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
  // How many HTTP requests Redis has answered since it began.
  if (question === 'redis-calls') return redis.calls()
  if (question === 'redis-keys') return lookThroughKeys()
  if (question === 'places')
    return { redisUrl: redis.url, redisToken: redis.token, smtpUrl: mailbox.smtpUrl } satisfies Endpoints
  delayMs = question.delayMs
  return delayMs
})

async function lookThroughKeys(): Promise<RedisKeys> {
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
