#!lua flags=allow-oom
-- A worker stops consuming a queue: whatever it still holds goes back to the head of the queue.
--
-- KEYS: queue, messages, acks, levels, consumers, heartbeats, waiting workers, pause, bell,
--       what the workers run, then those of QueueKeys.control
-- ARGV: worker, then the ids that it holds, the oldest first
-- Returns how many messages went back.
-- include: _list_of
-- include: _put_back
-- include: _ring
-- include: _release
local queue, messages, acks, levels = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local control = {unpack(KEYS, 11)}

redis.call('HDEL', KEYS[5], ARGV[1])

local back = 0
for i = #ARGV, 2, -1 do
    if redis.call('SISMEMBER', acks, ARGV[i]) == 1 then
        back = back + put_back(queue, messages, levels, ARGV[i])
        redis.call('SREM', acks, ARGV[i])
    end
end
for _, unknown_id in ipairs(redis.call('SMEMBERS', acks)) do
    back = back + put_back(queue, messages, levels, unknown_id)
    redis.call('SREM', acks, unknown_id)
end
redis.call('DEL', KEYS[9])
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('SREM', KEYS[7], KEYS[9])
redis.call('HDEL', KEYS[10], ARGV[1])
yield_slots(control, queue)
if back > 0 then
    ring(KEYS[7], KEYS[8], back)
end
return back
