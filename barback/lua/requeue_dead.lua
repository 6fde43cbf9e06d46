#!lua
-- Put dead letters back at the end of their queue.
--
-- KEYS: queue, messages, dead letters, dead messages, dead letters' details
-- ARGV: id, payload, id, payload, …
-- Returns how many were put back: those that were still dead.
local queue, messages = KEYS[1], KEYS[2]
local dead, dead_messages, dead_details = KEYS[3], KEYS[4], KEYS[5]

local back = 0
for i = 1, #ARGV, 2 do
    local id = ARGV[i]
    if redis.call('ZREM', dead, id) == 1 then
        redis.call('HDEL', dead_messages, id)
        redis.call('HDEL', dead_details, id)
        redis.call('HSET', messages, id, ARGV[i + 1])
        redis.call('RPUSH', queue, id)
        back = back + 1
    end
end
return back
