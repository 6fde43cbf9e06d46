#!lua flags=allow-oom
-- Finish one message in any way but the plain acknowledgement, and send what follows from it
-- (its retry) in the same step: there is no moment at which both or neither exist.
--
-- KEYS: queue, messages, acks, crashes, levels, waiting workers, pause, delayed messages,
--       due times, wake-up list, dead letters, dead messages, dead letters' details, then those of
--       QueueKeys.control
-- ARGV: id, verdict ('ack', 'dead' or 'cancelled'), details of the death as JSON, unique key ('' for
--       none), then for each message that follows: id, payload, delay in milliseconds ('' for none)
-- Returns 1, or 0 when this worker no longer holds the message; then nothing was done.
-- include: _now_ms
-- include: _list_of
-- include: _ring
-- include: _delay
-- include: _claim
-- include: _release
-- include: _end_cancelled
local queue, messages, acks, crashes, levels = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local dead, dead_messages, dead_details = KEYS[11], KEYS[12], KEYS[13]
local id, verdict, details, unique_key = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local control = {unpack(KEYS, 14)}

if redis.call('SISMEMBER', acks, id) == 0 then
    return 0
end

local now = now_ms()
if verdict == 'dead' then
    local payload = redis.call('HGET', messages, id)
    if payload then
        redis.call('ZADD', dead, now, id)
        redis.call('HSET', dead_messages, id, payload)
        redis.call('HSET', dead_details, id, details)
    end
end
-- What was deleted meanwhile (cancelled) is not tried again.
local is_cancelled = redis.call('HEXISTS', messages, id) == 0
end_cancelled(control[1], control[3], id, verdict == 'ack' and #ARGV == 4)

local last = is_cancelled and 4 or #ARGV
if unique_key ~= '' then
    end_claim(control[4], unique_key, now, id, last > 4 and ARGV[5] or nil)
end
release(control, queue, id)

for i = 5, last, 3 do
    local next_id, payload, delay_ms = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if delay_ms == '' then
        redis.call('HSET', messages, next_id, payload)
        redis.call('RPUSH', list_of(queue, levels, next_id), next_id)
        ring(KEYS[6], KEYS[7], 1)
    else
        delay(KEYS[8], KEYS[9], KEYS[10], next_id, payload, now + delay_ms)
    end
end
-- Last: when a key above is of a wrong type, the message stays where it is, and the worker says so.
redis.call('HDEL', messages, id)
redis.call('HDEL', crashes, id)
redis.call('SREM', acks, id)
return 1
