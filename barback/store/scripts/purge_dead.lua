#!lua flags=allow-oom
-- Forget dead letters that are too old.
--
-- KEYS: dead letters, dead messages, dead letters' details
-- ARGV: their time to live in milliseconds, how many to forget at the most
-- Returns how many were forgotten.
local dead, dead_messages, dead_details = KEYS[1], KEYS[2], KEYS[3]

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local ids = redis.call('ZRANGE', dead, '-inf', now_ms - ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
if #ids > 0 then
    redis.call('ZREM', dead, unpack(ids))
    redis.call('HDEL', dead_messages, unpack(ids))
    redis.call('HDEL', dead_details, unpack(ids))
end

-- Other programs that take dead letters away know nothing of their details.
if redis.call('HLEN', dead_details) > redis.call('ZCARD', dead) then
    for _, id in ipairs(redis.call('HRANDFIELD', dead_details, ARGV[2])) do
        if not redis.call('ZSCORE', dead, id) then
            redis.call('HDEL', dead_details, id)
        end
    end
end
return #ids
