/** The Lua twin of `sliced-window.ts`: decides and debits in one atomic step inside Redis. */

import type { Script } from '../store/run-script.ts'

/**
 * KEYS[1] hash: slice index → requests debited in it.
 * ARGV quota, window (ms), slice (ms), cost, and the time (ms), or '' for the clock of Redis:
 * one clock for all edges, because two that disagree would let the overlap through twice.
 *
 * @returns `[allowed 0|1, requests left, wait (ms)]`
 */
export const slicedWindowScript: Script = {
  sha1: '9c08ed74bc920f4580441b6ad83398fa449b8bf9',
  source: `
local key      = KEYS[1]
local quota    = tonumber(ARGV[1]) -- requests in any window
local windowMs = tonumber(ARGV[2])
local sliceMs  = tonumber(ARGV[3])
local cost     = tonumber(ARGV[4]) -- requests asked for
local nowMs    = tonumber(ARGV[5]) -- nil: the clock of Redis

if not nowMs then
  local time = redis.call('TIME')
  nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local fields = redis.call('HGETALL', key)
local slices, gone, left = {}, {}, quota
for i = 1, #fields, 2 do
  local index, count = tonumber(fields[i]), tonumber(fields[i + 1])
  local leavesAtMs = (index + 1) * sliceMs + windowMs
  if leavesAtMs > nowMs then
    slices[#slices + 1] = { leavesAtMs, count }
    left = left - count
  else
    gone[#gone + 1] = fields[i]
  end
end
if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end

if left >= cost then
  redis.call('HINCRBY', key, string.format('%.0f', math.floor(nowMs / sliceMs)), cost)
  redis.call('PEXPIRE', key, windowMs + 2 * sliceMs)
  return { 1, left - cost, 0 }
end

table.sort(slices, function(a, b) return a[1] < b[1] end)
local room, retryAfterMs = left, windowMs
for i = 1, #slices do
  room = room + slices[i][2]
  if room >= cost then
    retryAfterMs = slices[i][1] - nowMs
    break
  end
end
return { 0, math.max(0, left), retryAfterMs }
`
}
