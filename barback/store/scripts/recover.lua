#!lua flags=allow-oom
-- Put what a dead worker held back at the head of its queue.
--
-- Nobody knows at first which of its messages killed it, so each one is charged with a crash. From
-- then on a worker notes when it starts such a message (note_start.lua), and only those that it
-- had started are charged. The innocent neighbours of a message that kills every worker are so
-- charged once, and go on; the killer is charged each time, until a worker fails it unrun.
--
-- Where it was the only worker of the queue, the workers of others do this, for the slots that it
-- kept from them (heartbeat.lua).
--
-- KEYS: queue, messages, acks, crashes, levels, consumers, heartbeats, waiting workers, pause,
--       the worker's bell for this queue, what the workers run, then those of QueueKeys.control
-- ARGV: worker, the last heartbeat that was judged, the worker's bell for all of its queues
-- Returns how many messages were put back, or nil when the worker has sent a heartbeat or
-- another worker was first.
-- include: _list_of
-- include: _put_back
-- include: _ring
-- include: _release
local queue, messages, acks, crashes, levels = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local worker, last_heartbeat = ARGV[1], ARGV[2]
local control = {unpack(KEYS, 12)}

local score = redis.call('ZSCORE', KEYS[7], worker)
if not score or tonumber(score) ~= tonumber(last_heartbeat) then
    return nil
end

-- These fail before anything is written when something else stands under their names: others try
-- again and again.
redis.call('LLEN', queue)
redis.call('HLEN', crashes)
redis.call('ZCARD', levels)

local back = 0
for _, id in ipairs(redis.call('SMEMBERS', acks)) do
    local note = redis.call('HGET', crashes, id)
    local count = note and tonumber(string.match(note, '^%d+')) or 0
    if count == 0 or string.sub(note, -#worker) == worker then
        count = count + 1
    end
    if put_back(queue, messages, levels, id) == 1 then
        redis.call('HSET', crashes, id, count)
        back = back + 1
    else -- it was cancelled
        redis.call('HDEL', crashes, id)
        redis.call('HDEL', control[1], id)
        release(control, queue, id)
    end
    -- One by one: should the next one fail, this one is not put back again.
    redis.call('SREM', acks, id)
end
redis.call('HDEL', KEYS[6], worker)
redis.call('HDEL', KEYS[11], worker)
redis.call('ZREM', KEYS[7], worker)
yield_slots(control, queue)
for _, bell in ipairs({KEYS[10], ARGV[3]}) do
    -- Should it be alive after all, it learns now that it has to join again.
    if redis.call('SREM', KEYS[8], bell) == 1 then
        ring_at(bell, KEYS[8])
    end
end
if back > 0 then
    ring(KEYS[8], KEYS[9], back)
end
return back
