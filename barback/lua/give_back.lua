#!lua flags=allow-oom
-- Put messages that a worker holds but has not started back at the head of their queue, in
-- their order.
--
-- KEYS: queue, messages, acks
-- ARGV: ids, the oldest first
-- Returns how many were put back.
local queue, messages, acks = KEYS[1], KEYS[2], KEYS[3]

local given = 0
for i = #ARGV, 1, -1 do
    local id = ARGV[i]
    if redis.call('SREM', acks, id) == 1 and redis.call('HEXISTS', messages, id) == 1 then
        redis.call('LPUSH', queue, id)
        given = given + 1
    end
end
return given
