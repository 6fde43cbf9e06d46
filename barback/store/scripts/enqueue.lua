#!lua
-- Put messages at the end of a queue, all of them or, when memory is full, none, and wake workers
-- that wait for them.
--
-- A message that is already stored under its id is left alone, so that a producer whose
-- connection broke before the answer came can safely say it again.
--
-- KEYS: queue, messages, levels, waiting workers, pause
-- ARGV: id, payload, id, payload, …
-- Returns how many messages were new.
-- include: _list_of
-- include: _ring
local queue, messages, levels = KEYS[1], KEYS[2], KEYS[3]

redis.call('LLEN', queue) -- fails before anything is written when the queue is no list
local plain_ids, new = {}, 0
for i = 1, #ARGV, 2 do
    local id = ARGV[i]
    if redis.call('HSETNX', messages, id, ARGV[i + 1]) == 1 then
        new = new + 1
        local list = list_of(queue, levels, id)
        if list == queue then
            plain_ids[#plain_ids + 1] = id
        else
            redis.call('RPUSH', list, id)
        end
    else
        -- A write, for WAIT and WAITAOF: they wait for the last write of their own connection.
        redis.call('HSET', messages, id, ARGV[i + 1])
    end
end
if #plain_ids > 0 then
    redis.call('RPUSH', queue, unpack(plain_ids))
end
if new > 0 then
    ring(KEYS[4], KEYS[5], new)
end
return new
