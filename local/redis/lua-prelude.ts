/**
 * The Lua code that runs once in every new state: it closes the sandbox and builds the globals that scripts see.
 * Functions that need a key, a hash or JSON come from the host (`lua-vm.ts`), as the fields of its one argument.
 * Missing compared with Redis 7.0: `bit`, `struct`, `cmsgpack`, the `cjson` settings, `redis.setresp`.
 *
 * Security: scripts see every table that outlives them through an empty proxy. Writes to it fail, as with Redis's read-only
 * tables. Functions that write past metatables are wrapped. Otherwise a script could replace the `tonumber` of the next one.
 */
/** The chunk name of the prelude, which error positions skip. */
export const preludeChunkName = '=prelude'

/** Returns the hidden table of globals, where KEYS and ARGV are set, and the error handler for `pcall`. */
export const prelude = `
local host = ...
local getinfo, raw_pcall, raw_next, raw_rawset = debug.getinfo, pcall, next, rawset
local raw_setmetatable, raw_loadstring, raw_collect = setmetatable, loadstring, collectgarbage
local type, tostring, rawget, error, concat = type, tostring, rawget, error, table.concat

local READONLY = 'Attempt to modify a readonly table'
local sealed = {}

local function seal(real)
  local proxy = {}
  sealed[proxy] = real
  return raw_setmetatable(proxy, {
    __index = real,
    __newindex = function() error(READONLY, 2) end,
    __metatable = false
  })
end

-- These functions write without consulting a metatable, so the wrapper checks first.
local function guarded(f)
  return function(t, ...)
    if t ~= nil and sealed[t] then error(READONLY, 0) end
    return f(t, ...)
  end
end

local function copy(real, names)
  local picked = {}
  for name in names:gmatch('%S+') do picked[name] = real[name] end
  return picked
end

local G = copy(_G, 'assert error gcinfo getmetatable ipairs rawequal rawget select tonumber tostring type unpack xpcall _VERSION')
G.rawset = guarded(raw_rawset)
G.setmetatable = guarded(raw_setmetatable)
G.next = function(t, key) return raw_next(t ~= nil and sealed[t] or t, key) end
G.pairs = function(t)
  if type(t) ~= 'table' then error("bad argument #1 to 'pairs' (table expected, got " .. (t == nil and 'nil' or type(t)) .. ')', 2) end
  return sealed[t] and G.next or raw_next, t, nil
end

-- As in Redis, an error that is a table appears as its message.
local function seen(ok, problem, ...)
  if not ok and type(problem) == 'table' and type(rawget(problem, 'err')) == 'string' then return false, problem.err end
  return ok, problem, ...
end
G.pcall = function(...) return seen(raw_pcall(...)) end

-- The VM does not verify bytecode, so only source is compiled.
G.loadstring = function(source, name)
  if type(source) == 'string' and source:byte(1) == 27 then return nil, 'bytecode is refused, pass Lua source' end
  return raw_loadstring(source, name)
end
G.load = function(reader, name)
  local parts = {}
  repeat
    local part = reader()
    parts[#parts + 1] = part
  until part == nil or part == ''
  return G.loadstring(concat(parts), name or '=(load)')
end
G.collectgarbage = function(what)
  if what == nil or what == 'collect' or what == 'count' then return raw_collect(what) end
  return 0
end

local strings = copy(string, 'byte char dump find format gfind gmatch gsub len lower match rep reverse sub upper')
getmetatable('').__index = seal(strings)
getmetatable('').__metatable = false

local tables = copy(table, 'concat foreach foreachi getn maxn')
for name in ('insert remove setn sort'):gmatch('%S+') do tables[name] = guarded(table[name]) end

-- math.randomseed affects later scripts, as in Redis.
G.string, G.table, G.math = seal(strings), seal(tables), seal(math)
G.coroutine = seal(copy(coroutine, 'create resume running status wrap yield'))
G.cjson = seal({ encode = host.encode, decode = host.decode, null = host.null })
G.redis = seal({
  call = host.call, pcall = host.pcall, sha1hex = host.sha1hex, log = host.log,
  error_reply = host.error_reply, status_reply = host.status_reply,
  replicate_commands = function() return true end, set_repl = function() end,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  REDIS_VERSION = '7.0.15', REDIS_VERSION_NUM = 458767
})

raw_setmetatable(G, { __index = function(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end })
local globals = seal(G)
raw_rawset(G, '_G', globals)
-- From here on every chunk that is compiled, by the host or by loadstring, has these globals.
setfenv(0, globals)

-- Adds to an error where in the script it happened.
local function on_error(problem)
  local level, info = 2, nil
  repeat
    info, level = getinfo(level, 'Sl'), level + 1
  until not info or (info.what ~= 'C' and info.what ~= 'tail' and info.source ~= '${preludeChunkName}')
  local message = type(problem) == 'table' and rawget(problem, 'err') or nil
  if type(problem) ~= 'table' then message = 'ERR ' .. tostring(problem) end
  return { err = message or 'ERR unknown error', source = info and info.source or nil, line = info and info.currentline or nil }
end

return G, on_error
`
