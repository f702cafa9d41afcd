/**
 * The scripts of the revocation feed in Redis, one sorted set. Score 0 is the epoch, score 1 holds drafts of an epoch.
 * Every other score is the time (ms) at which an ended session or a removed key was published.
 */

import type { Script } from '../store/run-scripts.ts'

/**
 * Publishes ended sessions and removed keys. Their score is the clock of Redis, but always above the newest score in the
 * feed. So a reader's cursor never passes a later entry, and no score has more entries than one call.
 *
 * KEYS[1] the feed. ARGV retention (ms), then entries.
 * @returns `[published at (ms), how many entries the feed holds under this time]`
 */
export const publishScript: Script = {
  sha1: '8d48949270e098f38c79f4f3b2321d8105da894f',
  source: `
local feed        = KEYS[1]
local retentionMs = tonumber(ARGV[1]) -- the life of an access token and a margin

local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local newest = redis.call('ZRANGE', feed, -1, -1, 'WITHSCORES')
if newest[2] and tonumber(newest[2]) >= nowMs then nowMs = tonumber(newest[2]) + 1 end

local score = string.format('%.0f', nowMs)
for i = 2, #ARGV do redis.call('ZADD', feed, score, ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', feed, '(1', string.format('(%.0f', nowMs - retentionMs))
return { score, redis.call('ZCOUNT', feed, score, score) }
`
}

/**
 * Marks the feed as complete. Before the caller reads the entries of the feed, it adds the member `draft:` and the epoch
 * under score 1. Where the draft is gone, Redis has lost its memory since, and the feed is not complete.
 *
 * KEYS[1] the feed. ARGV the new epoch.
 * @returns the current epoch, which is the first one that was set; '' where the draft is gone
 */
export const completeScript: Script = {
  sha1: '666d419cac881db0bd1cfbe17f2750988eedbc48',
  source: `
local feed  = KEYS[1]
local epoch = ARGV[1]

local there = redis.call('ZRANGE', feed, 0, 0, 'BYSCORE')[1]
if there then return string.sub(there, 7) end
if not redis.call('ZSCORE', feed, 'draft:' .. epoch) then return '' end

redis.call('ZREMRANGEBYSCORE', feed, 1, 1)
redis.call('ZADD', feed, 0, 'epoch:' .. epoch)
redis.call('PERSIST', feed) -- an origin of an earlier release lets the key expire
return epoch
`
}

/**
 * Reads the entries since a cursor. The cursor is inclusive: the last read may have ended within one publication.
 *
 * KEYS[1] the feed. ARGV cursor (ms, or '-inf'), maximal number of entries.
 * @returns `[epoch or '', '1' (there may be more) or '0', id, score, id, score, …]`, oldest first
 */
export const readScript: Script = {
  sha1: '2aceeadeb67a5c13c511b4338f018c7695243723',
  source: `
local feed   = KEYS[1]
local cursor = ARGV[1]           -- ms, inclusive
local most   = tonumber(ARGV[2]) -- entries

local epoch = redis.call('ZRANGE', feed, 0, 0, 'BYSCORE')[1]
local from = cursor == '-inf' and '(1' or cursor
local entries = redis.call('ZRANGE', feed, from, '+inf', 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
local reply = { epoch and string.sub(epoch, 7) or '', #entries < 2 * most and '0' or '1' }
for i = 1, #entries do reply[i + 2] = entries[i] end
return reply
`
}
