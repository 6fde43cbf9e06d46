#!lua flags=allow-oom
-- A worker's sign of life, for each queue that it consumes.
--
-- KEYS: signs of life
-- ARGV: how old a sign is suspicious in milliseconds, then the consumers ('worker:queue') that
--       are alive
-- Returns {now in milliseconds, {suspicious consumer, its last sign, …}}.
local signs = KEYS[1]

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local scores = {}
for i = 2, #ARGV do
    scores[#scores + 1] = now_ms
    scores[#scores + 1] = ARGV[i]
end
if #scores > 0 then
    redis.call('ZADD', signs, unpack(scores))
end
return {now_ms, redis.call('ZRANGE', signs, '-inf', now_ms - ARGV[1], 'BYSCORE', 'WITHSCORES')}
