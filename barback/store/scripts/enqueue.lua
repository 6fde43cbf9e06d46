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
local queue, messages = KEYS[1], KEYS[2]

local ids, ranked_ids, new = {}, nil, 0
for i = 1, #ARGV, 2 do
    local id = ARGV[i]
    if redis.call('HSETNX', messages, id, ARGV[i + 1]) == 1 then
        new = new + 1
        if string.find(id, ':', 1, true) then
            ranked_ids = ranked_ids or {}
            ranked_ids[#ranked_ids + 1] = id
        else
            ids[#ids + 1] = id
        end
    else
        -- A write, for WAIT and WAITAOF: they wait for the last write of their own connection.
        redis.call('HSET', messages, id, ARGV[i + 1])
    end
end

local length = #ids > 0 and redis.pcall('RPUSH', queue, unpack(ids)) or redis.pcall('LLEN', queue)
if type(length) == 'table' then -- an error: the queue is no list, so all that is new is taken back
    for _, new_ids in ipairs({ids, ranked_ids}) do
        for _, id in ipairs(new_ids) do
            redis.call('HDEL', messages, id)
        end
    end
    return length
end
-- A function costs each call that makes it, so those are made here that few calls need.
if ranked_ids then
    -- include: _list_of
    for _, id in ipairs(ranked_ids) do
        redis.call('RPUSH', list_of(queue, KEYS[3], id), id)
    end
end
if new > 0 and redis.call('SRANDMEMBER', KEYS[4]) then
    -- include: _ring
    ring(KEYS[4], KEYS[5], new)
end
return new
