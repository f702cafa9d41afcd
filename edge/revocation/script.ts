/** The revocation feed in Redis: a sorted set of ended session ids by the time of their publication, and an epoch. */

import type { Script } from '../store/run-scripts.ts'

/**
 * Publishes ended sessions and removed keys. Their score is the clock of Redis, but always more than the newest score that
 * is there: a reader's cursor cannot pass an entry that is yet to come, and no score has more entries than one call.
 *
 * KEYS[1] sorted set: session id → published at (ms). ARGV retention (ms), then session ids.
 * @returns how many entries the set holds
 */
export const publishScript: Script = {
  sha1: '6860be3e539687fac98276bd31624a6fdfe7c4cc',
  source: `
local ended       = KEYS[1]
local retentionMs = tonumber(ARGV[1]) -- the life of an access token and a margin

local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local newest = redis.call('ZRANGE', ended, -1, -1, 'WITHSCORES')
if newest[2] and tonumber(newest[2]) >= nowMs then nowMs = tonumber(newest[2]) + 1 end

local score = string.format('%.0f', nowMs)
for i = 2, #ARGV do redis.call('ZADD', ended, score, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', ended, '-inf', string.format('(%.0f', nowMs - retentionMs))
redis.call('PEXPIRE', ended, string.format('%.0f', retentionMs))
return redis.call('ZCARD', ended)
`
}

/**
 * Reads what was published since a cursor. The cursor is inclusive: the last reading may have ended amid the entries of
 * one publication.
 *
 * KEYS[1] sorted set, KEYS[2] epoch. ARGV cursor (ms, or '-inf'), most entries.
 * @returns `[epoch or '', '1' where there may be more, else '0', id, score, id, score, …]`, oldest first
 */
export const readScript: Script = {
  sha1: '00c252f4df212e3da9ba69d1a487c5338f70d636',
  source: `
local ended  = KEYS[1]
local epoch  = KEYS[2]
local cursor = ARGV[1]           -- ms, inclusive
local most   = tonumber(ARGV[2]) -- entries

local entries = redis.call('ZRANGE', ended, cursor, '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
local reply = { redis.call('GET', epoch) or '', #entries < 2 * most and '0' or '1' }
for i = 1, #entries do reply[i + 2] = entries[i] end
return reply
`
}
