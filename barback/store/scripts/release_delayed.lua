#!lua flags=allow-oom
-- Give delayed messages back to stock Dramatiq's list, rewritten as it wants them.
--
-- KEYS: stock's list, delayed messages, due times
-- ARGV: id, payload ('' when it was cancelled), id, payload, …
-- Returns how many were given back.
local stock, messages, due = KEYS[1], KEYS[2], KEYS[3]

local released = 0
for i = 1, #ARGV, 2 do
    if redis.call('ZREM', due, ARGV[i]) == 1 and ARGV[i + 1] ~= '' then
        redis.call('HSET', messages, ARGV[i], ARGV[i + 1])
        redis.call('RPUSH', stock, ARGV[i])
        released = released + 1
    end
end
return released
