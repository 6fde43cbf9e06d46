#!lua flags=allow-oom
-- Finish one message in any way but the plain acknowledgement, and send what follows from it
-- (its retry) in the same step: there is no moment at which both or neither exist.
--
-- KEYS: queue, messages, acks, losses, delayed messages, due times, wake-up list,
--       dead letters, dead messages, dead letters' details
-- ARGV: id, verdict ('ack' or 'dead'), details of the death as JSON, then for each
--       message that follows: id, payload, delay in milliseconds ('' for none)
-- Returns 1, or 0 when this worker no longer holds the message; then nothing was done.
local queue, messages, acks, losses = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local delayed_messages, due, wake = KEYS[5], KEYS[6], KEYS[7]
local dead, dead_messages, dead_details = KEYS[8], KEYS[9], KEYS[10]
local id, verdict, details = ARGV[1], ARGV[2], ARGV[3]

if redis.call('SREM', acks, id) == 0 then
    return 0
end

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

if verdict == 'dead' then
    local payload = redis.call('HGET', messages, id)
    if payload then
        redis.call('ZADD', dead, now_ms, id)
        redis.call('HSET', dead_messages, id, payload)
        redis.call('HSET', dead_details, id, details)
    end
end
redis.call('HDEL', messages, id)
redis.call('HDEL', losses, id)

for i = 4, #ARGV, 3 do
    local next_id, payload, delay_ms = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if delay_ms == '' then
        redis.call('HSET', messages, next_id, payload)
        redis.call('RPUSH', queue, next_id)
    else
        redis.call('HSET', delayed_messages, next_id, payload)
        redis.call('ZADD', due, now_ms + delay_ms, next_id)
        if redis.call('LLEN', wake) == 0 then
            redis.call('RPUSH', wake, 1)
        end
    end
end
return 1
