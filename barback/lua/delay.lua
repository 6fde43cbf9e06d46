#!lua
-- Keep messages until they are due. The server's clock decides when that is.
--
-- KEYS: delayed messages, due times, wake-up list
-- ARGV: id, payload, delay in milliseconds, id, payload, delay in milliseconds, …
local messages, due, wake = KEYS[1], KEYS[2], KEYS[3]

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
local first_due_ms = tonumber(first[2])

for i = 1, #ARGV, 3 do
    local due_ms = now_ms + ARGV[i + 2]
    redis.call('HSET', messages, ARGV[i], ARGV[i + 1])
    redis.call('ZADD', due, due_ms, ARGV[i])
    if not first_due_ms or due_ms < first_due_ms then
        first_due_ms = due_ms
        -- One token is enough to wake the worker that waits for the next due time.
        if redis.call('LLEN', wake) == 0 then
            redis.call('RPUSH', wake, 1)
        end
    end
end
return #ARGV / 3
