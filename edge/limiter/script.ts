/** The Lua twin of `sliced-window.ts`: settles, decides and debits in one atomic step inside Redis. */

import type { Script } from '../store/run-scripts.ts'

/**
 * KEYS[1] hash: slice index → requests debited in it. ARGV quota, window (ms), slice (ms), waiting, want, life (ms),
 * and the time (ms), or '' for the clock of Redis. It is one clock for all edges, because two clocks that disagree
 * would admit the overlap twice. Then triples, one per settlement: from slice, to slice ('' for requests that were not
 * spent), count.
 *
 * @returns `[granted, remaining, wait for room (ms), slice of the debit, now (ms)]`, then pairs: after (ms), count
 */
export const slicedWindowScript: Script = {
  sha1: '13d60a36c06c6ef366c0a6bfef71a6a013b52a39',
  source: `
local key      = KEYS[1]
local quota    = tonumber(ARGV[1]) -- requests in any window
local windowMs = tonumber(ARGV[2])
local sliceMs  = tonumber(ARGV[3])
local waiting  = tonumber(ARGV[4]) -- requests that wait for the answer
local want     = tonumber(ARGV[5]) -- requests that are expected, waiting ones included
local lifeMs   = tonumber(ARGV[6]) -- of the lease
local nowMs    = tonumber(ARGV[7]) -- nil: the clock of Redis
local divisor  = 3                 -- one part in this many of the rest, beyond waiting requests

if not nowMs then
  local time = redis.call('TIME')
  nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local fields = redis.call('HGETALL', key)
local counts, before = {}, {}
for i = 1, #fields, 2 do
  local index, count = tonumber(fields[i]), tonumber(fields[i + 1])
  counts[index], before[index] = count, count
end

for i = 8, #ARGV, 3 do
  local from, to, count = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local there = counts[from] or 0
  local moved = math.min(count, there)
  counts[from] = there - moved
  if to then counts[to] = (counts[to] or 0) + moved end
end

local slices, left = {}, quota
for index, count in pairs(counts) do
  local leavesAtMs = (index + 1) * sliceMs + windowMs
  if leavesAtMs > nowMs and count > 0 then
    slices[#slices + 1] = index
    left = left - count
  else
    counts[index] = 0
  end
end

table.sort(slices)

local share = math.max(waiting, math.min(want, math.floor(left / divisor)))
local granted = math.max(0, math.min(share, left))

local later, total, room = {}, granted, math.min(0, left - granted)
local wanted = want - math.max(waiting, granted)
for i = 1, #slices do
  local afterMs = (slices[i] + 1) * sliceMs + windowMs - nowMs
  if wanted <= 0 or afterMs > lifeMs / 2 then break end
  room = room + counts[slices[i]]
  local count = math.min(room, wanted)
  if count > 0 then
    later[#later + 1] = afterMs
    later[#later + 1] = count
    room, wanted, total = room - count, wanted - count, total + count
  end
end

local debit = math.floor((nowMs + lifeMs) / sliceMs)
if total > 0 then
  if (counts[debit] or 0) == 0 then slices[#slices + 1] = debit end
  counts[debit] = (counts[debit] or 0) + total
  table.sort(slices)
end

local name = function(index) return string.format('%.0f', index) end
local set, gone = {}, {}
for index, count in pairs(counts) do
  if count == 0 then
    if before[index] then gone[#gone + 1] = name(index) end
  elseif count ~= before[index] then
    set[#set + 1] = name(index)
    set[#set + 1] = string.format('%.0f', count)
  end
end
if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
if #set > 0 then
  redis.call('HSET', key, unpack(set))
  redis.call('PEXPIRE', key, string.format('%.0f', (slices[#slices] + 2) * sliceMs + windowMs - nowMs))
end

local retryAfterMs = 0
if left - granted <= 0 then
  retryAfterMs, room = windowMs, left - total
  for i = 1, #slices do
    room = room + counts[slices[i]]
    if room >= 1 then
      retryAfterMs = (slices[i] + 1) * sliceMs + windowMs - nowMs
      break
    end
  end
end
return { granted, math.max(0, left - granted), retryAfterMs, debit, nowMs, unpack(later) }
`
}
