#!lua flags=allow-oom
-- Acknowledge finished messages and take the next ones, in one round trip.
--
-- KEYS: queue, messages, acks (the messages this worker holds), inbox (those that its blocking
--       move has claimed), losses, signs of life
-- ARGV: how many messages to take (at most 1000 are taken), the consumer ('worker:queue'), then
--       the ids of finished ones
-- Returns {{id, …}, {payload, …}, {losses, …}}. The third list is empty when no message of this
-- queue was ever lost, which is the rule.
local queue, messages, acks, inbox, losses = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local signs, consumer = KEYS[6], ARGV[2]

-- Lua's stack bounds how many values unpack() may return.
local CHUNK = 1000

for first = 3, #ARGV, CHUNK do
    local ids = {unpack(ARGV, first, math.min(first + CHUNK - 1, #ARGV))}
    -- Only the holder of a message may delete it: after a long silence it may have been taken
    -- from this worker, and be in the queue or in another worker's hands.
    local held = redis.call('SMISMEMBER', acks, unpack(ids))
    local finished = {}
    for i, is_held in ipairs(held) do
        if is_held == 1 then
            finished[#finished + 1] = ids[i]
        end
    end
    if #finished > 0 then
        redis.call('SREM', acks, unpack(finished))
        redis.call('HDEL', messages, unpack(finished))
        if redis.call('EXISTS', losses) == 1 then
            redis.call('HDEL', losses, unpack(finished))
        end
    end
end

local wanted = math.min(ARGV[1], CHUNK)
if wanted == 0 then
    return {{}, {}, {}}
end
-- Only a consumer that is listed is missed when it dies. It may take messages before its first
-- sign of life, or after others have given it up during a long silence.
if not redis.call('ZSCORE', signs, consumer) then
    local time = redis.call('TIME')
    redis.call('ZADD', signs, time[1] * 1000 + math.floor(time[2] / 1000), consumer)
end
local popped = redis.call('LMPOP', 2, inbox, queue, 'LEFT', 'COUNT', wanted)
if not popped then
    return {{}, {}, {}}
end
local ids = popped[2]
-- The inbox holds few messages: fill up from the queue.
if popped[1] == inbox and #ids < wanted then
    for _, id in ipairs(redis.call('LPOP', queue, wanted - #ids) or {}) do
        ids[#ids + 1] = id
    end
end
redis.call('SADD', acks, unpack(ids))
local payloads = redis.call('HMGET', messages, unpack(ids))
if redis.call('EXISTS', losses) == 1 then
    return {ids, payloads, redis.call('HMGET', losses, unpack(ids))}
end
return {ids, payloads, {}}
