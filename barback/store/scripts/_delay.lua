-- Keep a message until it is due. When it becomes the first one due, one token wakes the worker
-- that waits for the next due time.
local function delay(delayed_messages, due, wake, id, payload, due_ms)
    local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
    redis.call('HSET', delayed_messages, id, payload)
    redis.call('ZADD', due, due_ms, id)
    if (not first or due_ms < tonumber(first)) and redis.call('LLEN', wake) == 0 then
        redis.call('RPUSH', wake, 1)
    end
end
