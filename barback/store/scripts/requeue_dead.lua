#!lua
-- Put dead letters back at the end of their queue.
--
-- KEYS: queue, messages, levels, waiting workers, pause, dead letters, dead messages,
--       dead letters' details
-- ARGV: id, payload, id, payload, …
-- Returns how many were put back: those that were still dead.
-- include: _list_of
-- include: _ring
local queue, messages, levels = KEYS[1], KEYS[2], KEYS[3]

redis.call('LLEN', queue) -- fails before anything is written when the queue is no list
local back = 0
for i = 1, #ARGV, 2 do
    local id = ARGV[i]
    if redis.call('ZREM', KEYS[6], id) == 1 then
        redis.call('HDEL', KEYS[7], id)
        redis.call('HDEL', KEYS[8], id)
        redis.call('HSET', messages, id, ARGV[i + 1])
        redis.call('RPUSH', list_of(queue, levels, id), id)
        back = back + 1
    end
end
if back > 0 then
    ring(KEYS[4], KEYS[5], back)
end
return back
