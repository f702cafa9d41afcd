/** The Lua twin of `rule.ts`: decides an attempt and records its outcome in one atomic step inside Redis. */

import type { Script } from '../../edge/store/run-scripts.ts'

/**
 * KEYS: the client address, the pair and the account of the attempt, each a hash.
 * ARGV: the policy, the attempt, and the time (ms), or '' for the clock of Redis, which all origins share.
 *
 * @returns `[wait (ms), obstacle 0 none | 1 address | 2 pair | 3 account, captcha due 0|1, account attacked 0|1]`
 */
export const loginGuardScript: Script = {
  sha1: '25b51ced15e25dd8a805c668e35f33d7e389dee0',
  source: `
local addressKey = KEYS[1] -- 'failures': times (ms), oldest first, comma-separated; 'until': end of the block (ms)
local pairKey    = KEYS[2] -- 'failures': number in a row; 'last': time of the last one (ms)
local accountKey = KEYS[3] -- like addressKey

local address = { maxFailures = tonumber(ARGV[1]), windowMs = tonumber(ARGV[2]), blockMs = tonumber(ARGV[3]) }
local delayAfterFailures   = tonumber(ARGV[4])
local firstDelayMs         = tonumber(ARGV[5])
local delayWindowMs        = tonumber(ARGV[6])
local account = { maxFailures = tonumber(ARGV[7]), windowMs = tonumber(ARGV[8]), blockMs = tonumber(ARGV[9]) }
local captchaAfterFailures = tonumber(ARGV[10])
local knownDevice          = ARGV[11] == '1'
local captchaUnsolved      = ARGV[12] == '1'
local outcome              = ARGV[13] -- 'pending', 'wrong', 'right' or 'unconfirmed'
local nowMs                = tonumber(ARGV[14]) -- nil: the clock of Redis

if not nowMs then
  local time = redis.call('TIME')
  nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Without a format, Lua writes long numbers with an exponent.
local function text(number) return string.format('%.0f', number) end

local function read(policy, key)
  local fields = redis.call('HMGET', key, 'failures', 'until')
  local recent = {}
  for failureMs in string.gmatch(fields[1] or '', '%d+') do
    if tonumber(failureMs) + policy.windowMs > nowMs then recent[#recent + 1] = failureMs end
  end
  return { recent = recent, untilMs = tonumber(fields[2] or '0') }
end

-- A block shorter than the window lasts until the window has room again.
local function count(policy, key, counted)
  local failures, untilMs = counted.recent, 0
  failures[#failures + 1] = text(nowMs)
  while #failures > policy.maxFailures do table.remove(failures, 1) end
  if #failures >= policy.maxFailures then
    untilMs = math.max(nowMs + policy.blockMs, tonumber(failures[1]) + policy.windowMs)
  end
  redis.call('HSET', key, 'failures', table.concat(failures, ','), 'until', text(untilMs))
  redis.call('PEXPIRE', key, text(math.max(policy.windowMs, untilMs - nowMs)))
  return untilMs
end

local onAddress, onAccount = read(address, addressKey), read(account, accountKey)
local pairFields = redis.call('HMGET', pairKey, 'failures', 'last')
local pairFailures, lastMs = tonumber(pairFields[1] or '0'), tonumber(pairFields[2] or '0')

local delayedUntilMs = 0
if pairFailures >= delayAfterFailures then
  delayedUntilMs = lastMs + math.min(delayWindowMs, firstDelayMs * 2 ^ (pairFailures - delayAfterFailures))
end

local waitMs, obstacle = 0, 0
for i, untilMs in ipairs({ onAddress.untilMs, delayedUntilMs, knownDevice and 0 or onAccount.untilMs }) do
  if untilMs - nowMs > waitMs then waitMs, obstacle = untilMs - nowMs, i end
end
local captchaDue = captchaUnsolved and math.max(#onAddress.recent, #onAccount.recent) >= captchaAfterFailures

if waitMs > 0 or captchaDue or outcome == 'pending' then
  return { waitMs, obstacle, captchaDue and 1 or 0, 0 }
end
if outcome == 'right' then
  redis.call('DEL', pairKey)
  return { 0, 0, 0, 0 }
end

count(address, addressKey, onAddress)

if outcome == 'wrong' then
  if lastMs + delayWindowMs <= nowMs then pairFailures = 0 end
  redis.call('HSET', pairKey, 'failures', pairFailures + 1, 'last', text(nowMs))
  redis.call('PEXPIRE', pairKey, delayWindowMs)
end

local attacked = onAccount.untilMs <= nowMs and count(account, accountKey, onAccount) > nowMs
return { 0, 0, 0, attacked and 1 or 0 }
`
}
