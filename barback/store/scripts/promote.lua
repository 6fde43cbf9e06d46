#!lua flags=allow-oom
-- Move delayed messages whose time has come to the end of their queue. Those that have waited there
-- before, and were delayed by a limit, go to its head. Where some are named, those are moved, whatever
-- their time.
--
-- KEYS: queue, messages, levels, waiting workers, pause, delayed messages, due times, paced
-- ARGV: how many to move at the most, then the ids of those that are to be moved now
-- Returns how many were moved.
-- include: _attempt
-- include: _now_ms
-- include: _list_of
-- include: _ring
local queue, messages, levels, delayed_messages, due = KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7]

local ids = {unpack(ARGV, 2)}
if #ids == 0 then
    ids = redis.call('ZRANGE', due, '-inf', now_ms(), 'BYSCORE', 'LIMIT', 0, ARGV[1])
end
if #ids == 0 then
    return 0
end
local moved, paced = 0, {}
local has_paced = redis.call('EXISTS', KEYS[8]) == 1
local done = {}
-- Where something else than a list stands under a name, those before are moved, and not once more
-- when it is tried again.
local failure = attempt(function()
    for _, id in ipairs(ids) do
        -- One whose payload is gone was cancelled.
        local payload = redis.call('HGET', delayed_messages, id)
        if payload then
            redis.call('HSET', messages, id, payload)
            if has_paced and redis.call('HDEL', KEYS[8], id) == 1 then
                paced[#paced + 1] = id
            else
                redis.call('RPUSH', list_of(queue, levels, id), id)
            end
            moved = moved + 1
        end
        done[#done + 1] = id
    end
end)
for i = #paced, 1, -1 do
    redis.call('LPUSH', list_of(queue, levels, paced[i]), paced[i])
end
if #done > 0 then
    redis.call('ZREM', due, unpack(done))
    redis.call('HDEL', delayed_messages, unpack(done))
end
if moved > 0 then
    ring(KEYS[4], KEYS[5], moved)
end
return failure or moved
