#!lua flags=allow-oom
-- Take delayed messages that stock Dramatiq left on its list, rewritten, into the order of due
-- times.
--
-- KEYS: stock's list, delayed messages, due times
-- ARGV: id, payload, due time in milliseconds (-1: it was cancelled), id, payload, due time, …
local stock, messages, due = KEYS[1], KEYS[2], KEYS[3]

for i = 1, #ARGV, 3 do
    -- Several workers may have read the list: the one that removes an id adopts it.
    if redis.call('LREM', stock, 1, ARGV[i]) == 1 and tonumber(ARGV[i + 2]) >= 0 then
        redis.call('HSET', messages, ARGV[i], ARGV[i + 1])
        redis.call('ZADD', due, ARGV[i + 2], ARGV[i])
    end
end
return #ARGV / 3
