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

-- Where something else than a list stands under a name, nothing of the call is left behind.
local failure
if #ids > 0 then
    local length = redis.pcall('RPUSH', queue, unpack(ids))
    if type(length) == 'table' then -- an error
        redis.call('HDEL', messages, unpack(ids))
        ids, failure = {}, length
    end
end
-- A function costs each call that makes it, so those are made here that few calls need.
if ranked_ids then
    -- include: _attempt
    -- include: _list_of
    local pushed = {}
    failure = failure or attempt(function()
        redis.call('LLEN', queue) -- fails where it is no list
        for _, id in ipairs(ranked_ids) do
            local list = list_of(queue, KEYS[3], id)
            redis.call('RPUSH', list, id)
            pushed[#pushed + 1] = list
        end
    end)
    if failure then
        for _, list in ipairs(pushed) do
            redis.call('RPOP', list)
        end
        if #ids > 0 then
            redis.call('RPOP', queue, #ids)
            redis.call('HDEL', messages, unpack(ids))
        end
        redis.call('HDEL', messages, unpack(ranked_ids))
    end
end
if failure then
    return failure
end
if new > 0 and redis.call('SRANDMEMBER', KEYS[4]) then
    -- include: _ring
    ring(KEYS[4], KEYS[5], new)
end
return new
