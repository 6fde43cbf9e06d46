#!lua flags=allow-oom
-- Move delayed messages whose time has come to the end of their queue.
--
-- KEYS: queue, messages, delayed messages, due times, stock Dramatiq's list of delayed messages
-- ARGV: how many to move at the most
-- Returns {how many were moved, milliseconds until the next one is due (-1: there is none),
--          how many messages stock Dramatiq left}
local queue, messages, delayed_messages, due, stock = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local next_due = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
local moved = 0
if next_due[2] and tonumber(next_due[2]) <= now_ms then
    local ids = redis.call('ZRANGE', due, '-inf', now_ms, 'BYSCORE', 'LIMIT', 0, ARGV[1])
    for _, id in ipairs(ids) do
        local payload = redis.call('HGET', delayed_messages, id)
        if payload then
            redis.call('HSET', messages, id, payload)
            redis.call('RPUSH', queue, id)
            moved = moved + 1
        end
    end
    redis.call('ZREM', due, unpack(ids))
    redis.call('HDEL', delayed_messages, unpack(ids))
    next_due = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
end

local wait_ms = -1
if next_due[2] then
    wait_ms = math.max(0, next_due[2] - now_ms)
end
return {moved, wait_ms, redis.call('LLEN', stock)}
