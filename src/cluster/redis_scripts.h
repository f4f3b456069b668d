// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// What the store does in one step, in its Lua.
namespace ballast::cluster {

/// Keeps entries that are later than what the store has, and logs them and all messages.
/// Returns 0, and does nothing, if the store was emptied since its birth had this value.
/// KEYS: the log, the birth, then the key of each entry.
/// ARGV: how many items the log keeps, and for how many milliseconds; the birth's value; then, for
/// each item, either
/// "entry", stamp's milliseconds, stamp's node, lifetime in milliseconds, what to keep, table, key
/// or "message", kind, node, body.
inline constexpr std::string_view write_script = R"lua(
local function is_before(a, b)  -- by bytes: Lua's < depends on the locale
    for i = 1, math.min(#a, #b) do
        local x, y = string.byte(a, i), string.byte(b, i)
        if x ~= y then return x < y end
    end
    return #a < #b
end
local function is_later(key, at, node)
    local kept = redis.call('GET', key)
    if not kept then return true end
    local kept_at, kept_node = string.match(kept, '^(%d+) ([^\n]*)\n')
    if not kept_at then return true end
    if tonumber(at) ~= tonumber(kept_at) then return tonumber(at) > tonumber(kept_at) end
    return is_before(kept_node, node)
end
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
local log, items_max, log_lifetime = KEYS[1], ARGV[1], ARGV[2]
local function tell(...)
    redis.call('XADD', log, 'MAXLEN', '~', items_max, '*', ...)
end
local at, key = 4, 3
while at <= #ARGV do
    if ARGV[at] == 'entry' then
        if is_later(KEYS[key], ARGV[at + 1], ARGV[at + 2]) then
            redis.call('SET', KEYS[key], ARGV[at + 4], 'PX', ARGV[at + 3])
            tell('table', ARGV[at + 5], 'key', ARGV[at + 6], 'kept', ARGV[at + 4])
        end
        key = key + 1
        at = at + 7
    else
        tell('kind', ARGV[at + 1], 'node', ARGV[at + 2], 'body', ARGV[at + 3])
        at = at + 4
    end
end
redis.call('PEXPIRE', log, log_lifetime)
return 1
)lua";

/// KEYS: the office. ARGV: who wants it, for how many milliseconds. Returns who has it.
inline constexpr std::string_view claim_script = R"lua(
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
)lua";

}  // namespace ballast::cluster
