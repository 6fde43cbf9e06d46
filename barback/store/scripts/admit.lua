#!lua flags=allow-oom
-- A thread is about to start a message that has a limit, or keeps others away until it starts. Where
-- there is no room for it, the worker gives it back, and it waits outside of its queue.
--
-- As many as may run at once hold a slot each; the others stand in line, and get a slot when one
-- is free (_release.lua). As many as may start in a time are listed with their times; the others
-- are delayed until there is room, and come back at the head of the queue. Nobody overtakes those
-- that wait under the same key.
--
-- KEYS: queue, messages, acks, delayed messages, due times, wake-up list, starts, then those of
--       QueueKeys.control
-- ARGV: id, unique key that ends ('' for none), key of the limit ('' for none), how many at once (0
--       for any number), how many in a time (0 for any number), that time in milliseconds
-- Returns 1 when it may start, 0 when it waits, was cancelled, or is not this worker's any more.
-- include: _now_ms
-- include: _list_of
-- include: _ring
-- include: _delay
-- include: _claim
-- include: _release
local queue, messages, acks = KEYS[1], KEYS[2], KEYS[3]
local id, unique_key, key = ARGV[1], ARGV[2], ARGV[3]
local at_once, rate, rate_ms = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local control = {unpack(KEYS, 8)}

if redis.call('SISMEMBER', acks, id) == 0 then
    return 0
end
if redis.call('HEXISTS', messages, id) == 0 then -- cancelled a moment ago: it waits for nothing
    redis.call('HDEL', control[1], id)
    release(control, queue, id)
    redis.call('SREM', acks, id)
    return 0
end

local now = now_ms()
if at_once > 0 and redis.call('HEXISTS', control[SLOTS], id) == 0 then
    local used = slots_used(control, key)
    if used >= at_once or next_in_line(control, key) then
        park(control, queue, id, key, at_once)
        redis.call('SREM', acks, id) -- last, as in settle.lua
        -- Where the limit was raised there is room for the first of them.
        fill(control, queue, key, at_once)
        return 0
    end
    redis.call('HSET', control[SLOTS], id, at_once .. ' ' .. key)
    redis.call('HSET', control[SLOTS_USED], key, used + 1)
end

if rate > 0 then
    local starts = KEYS[7] .. ':' .. key
    local paced = starts .. ':paced'
    redis.call('ZREMRANGEBYSCORE', starts, '-inf', now - rate_ms)
    -- The clock was set back: nothing has started in the future.
    redis.call('ZREMRANGEBYSCORE', starts, '(' .. now, '+inf')
    redis.call('ZREMRANGEBYSCORE', paced, '-inf', now - rate_ms)
    local was_paced = redis.call('ZREM', paced, id) == 1
    local before = was_paced and 0 or redis.call('ZCOUNT', paced, '-inf', now)
    if redis.call('ZCARD', starts) + before >= rate then
        -- A period after the one that is `rate` places ahead, of those that wait or have started, and
        -- not before the last that waits: where some were cancelled, there may be room before that.
        local last_ms = redis.call('ZRANGE', paced, -1, -1, 'WITHSCORES')[2] or 0
        local line, place, ahead = paced, -rate, redis.call('ZCARD', paced)
        if was_paced then -- its turn had come: it is a moment early, and has nobody ahead
            line = starts
        elseif ahead < rate then
            line, place = starts, ahead - rate
        end
        local after_ms = redis.call('ZRANGE', line, place, place, 'WITHSCORES')[2] or now
        local due_ms = math.max(now + 1, after_ms + rate_ms, was_paced and 0 or last_ms)
        redis.call('ZADD', paced, due_ms, id)
        redis.call('PEXPIRE', paced, math.max(due_ms, last_ms) - now + 2 * rate_ms)
        redis.call('HSET', control[8], id, key)
        delay(KEYS[4], KEYS[5], KEYS[6], id, redis.call('HGET', messages, id), due_ms)
        redis.call('HDEL', messages, id)
        redis.call('SREM', acks, id)
        return 0
    end
    redis.call('ZADD', starts, now, id .. ' ' .. now)
    redis.call('PEXPIRE', starts, 2 * rate_ms)
end

if unique_key ~= '' then
    end_claim(control[4], unique_key, now, id)
end
return 1
