-- Remember how a message ended, and forget what has been remembered for long enough.
local function forget(ended, details, id)
    local text = redis.call('HGET', details, id)
    local message_id = text and string.match(text, '"message_id": "([^"]*)"')
    redis.call('ZREM', ended, id)
    redis.call('HDEL', details, id, message_id or id)
end

local function forget_old(ended, details, now, at_most)
    for _, id in ipairs(redis.call('ZRANGE', ended, '-inf', now, 'BYSCORE', 'LIMIT', 0, at_most)) do
        forget(ended, details, id)
    end
end

-- Who cancels wants fewer to be remembered than a worker may: no more are added then, and none of
-- that worker's is forgotten.
local function remember(ended, details, now, id, message_id, text, ttl_ms, max_count)
    local most = math.max(max_count, redis.call('ZCARD', ended))
    redis.call('ZADD', ended, now + ttl_ms, id)
    redis.call('HSET', details, id, text, message_id, id)
    forget_old(ended, details, now, 10)
    if redis.call('ZCARD', ended) > most then
        forget(ended, details, redis.call('ZRANGE', ended, 0, 0)[1])
    end
end
