/** The revocation feed in Redis: a sorted set of ended session ids by the time of their publication, and an epoch. */

import type { Script } from '../store/run-script.ts'

/**
 * Publishes ended sessions. Their score is the clock of Redis, never less than the newest score that is there,
 * so that a reader's cursor cannot pass an entry that is yet to come.
 *
 * KEYS[1] sorted set: session id → published at (ms). ARGV retention (ms), then session ids.
 * @returns how many entries the set holds
 */
export const publishScript: Script = {
  sha1: 'fc2f3068af4d3ae18f09e539383c1848cef0ae79',
  source: `
local ended       = KEYS[1]
local retentionMs = tonumber(ARGV[1]) -- the life of an access token and a margin

local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local newest = redis.call('ZRANGE', ended, -1, -1, 'WITHSCORES')
if newest[2] and tonumber(newest[2]) > nowMs then nowMs = tonumber(newest[2]) end

local score = string.format('%.0f', nowMs)
for i = 2, #ARGV do redis.call('ZADD', ended, score, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', ended, '-inf', string.format('(%.0f', nowMs - retentionMs))
redis.call('PEXPIRE', ended, string.format('%.0f', retentionMs))
return redis.call('ZCARD', ended)
`
}

/**
 * Reads what was published since a cursor. The cursor is inclusive: two entries can share a millisecond,
 * and the second may be written after the first was read.
 *
 * KEYS[1] sorted set, KEYS[2] epoch. ARGV cursor (ms, or '-inf').
 * @returns `[epoch or '', id, score, id, score, …]`, oldest first
 */
export const readScript: Script = {
  sha1: '163b537558f9af7f80102f8e7327ae08337c3b3e',
  source: `
local ended  = KEYS[1]
local epoch  = KEYS[2]
local cursor = ARGV[1] -- ms, inclusive

local reply = redis.call('ZRANGE', ended, cursor, '+inf', 'BYSCORE', 'WITHSCORES')
table.insert(reply, 1, redis.call('GET', epoch) or '')
return reply
`
}
