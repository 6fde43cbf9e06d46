#!lua flags=allow-oom
-- A worker's sign of life, for each queue that it consumes.
--
-- KEYS: signs of life, descriptions of the workers
-- ARGV: how old a sign is suspicious in milliseconds, the worker, its description as JSON ('' for
--       none), then its consumers ('worker:queue') that are alive
-- Returns {now in milliseconds, {suspicious consumer, its last sign, …}}.
local signs, info = KEYS[1], KEYS[2]

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local scores = {}
for i = 4, #ARGV do
    scores[#scores + 1] = now_ms
    scores[#scores + 1] = ARGV[i]
end
if #scores > 0 then
    redis.call('ZADD', signs, unpack(scores))
    -- Each time: another worker may have cleared it away during a long silence.
    if ARGV[3] ~= '' then
        redis.call('HSET', info, ARGV[2], ARGV[3])
    end
end
return {now_ms, redis.call('ZRANGE', signs, '-inf', now_ms - ARGV[1], 'BYSCORE', 'WITHSCORES')}
