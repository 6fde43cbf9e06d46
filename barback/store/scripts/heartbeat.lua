#!lua flags=allow-oom
-- A worker's heartbeat for queues that it consumes, and a look for workers that send none. Where
-- messages hold slots of limits, it looks at the workers of all queues that have some: nobody else
-- may be there to give those of a dead one back, and they may be kept from this worker's queues.
--
-- KEYS: for each queue: heartbeats; then, unless each queue has its limits for itself, slots used,
--       names of all queues
-- ARGV: how old a heartbeat is suspicious in milliseconds, the worker, then for each queue '1'
--       when its consumer is alive
-- Returns for each queue {suspicious worker, its last heartbeat, …}, then for others: name, the same.
-- include: _now_ms
local now, own_count = now_ms(), #ARGV - 2
local answer, is_own = {}, {}

-- Something else under the name of one queue is no reason to leave out the others: whoever joins it
-- says so. A heartbeat that is yet to come is from before the clock was set back, or a failover.
local function silent(heartbeats)
    local found = {}
    for _, range in ipairs({{'-inf', now - ARGV[1]}, {now + ARGV[1], '+inf'}}) do
        local some = redis.pcall('ZRANGE', heartbeats, range[1], range[2], 'BYSCORE', 'WITHSCORES')
        for _, it in ipairs(some) do
            found[#found + 1] = it
        end
    end
    return found
end

for i = 1, own_count do
    if ARGV[i + 2] == '1' then
        redis.pcall('ZADD', KEYS[i], now, ARGV[2])
    end
    answer[i] = silent(KEYS[i])
    is_own[KEYS[i]] = true
end

local slots_used = KEYS[own_count + 1]
if not slots_used or redis.call('EXISTS', slots_used) == 0 then
    return answer
end
local of_all = string.sub(slots_used, 1, -#'limits:slots-used' - 1)
for _, name in ipairs(redis.call('SMEMBERS', KEYS[own_count + 2])) do
    local heartbeats = of_all .. name .. ':heartbeats'
    if not is_own[heartbeats] and redis.call('EXISTS', of_all .. name .. ':slots') == 1 then
        local suspects = silent(heartbeats)
        if #suspects > 0 then
            answer[#answer + 1] = name
            answer[#answer + 1] = suspects
        end
    end
end
return answer
