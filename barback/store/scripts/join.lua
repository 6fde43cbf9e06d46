#!lua flags=allow-oom
-- A worker begins to take messages of a queue, or begins anew after its connection broke: under a
-- new epoch, so that what it asked for before takes nothing any more. What Redis thinks that it
-- holds, but it never received, because the answer was lost, goes back to the head of the queue.
--
-- KEYS: queue, messages, acks, levels, consumers, heartbeats, waiting workers, pause,
--       then those of QueueKeys.control
-- ARGV: worker, epoch, then the ids that the worker does hold
-- Returns how many messages went back. A command that arrives after the worker has joined under a
-- later epoch does nothing.
-- include: _now_ms
-- include: _list_of
-- include: _put_back
-- include: _ring
-- include: _release
local queue, messages, acks, levels = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local control = {unpack(KEYS, 9)}

local joined = redis.call('HGET', KEYS[5], ARGV[1])
if joined and (tonumber(joined) or 0) > tonumber(ARGV[2]) then
    return 0
end

local held = {}
for i = 3, #ARGV do
    held[ARGV[i]] = true
end

local back = 0
for _, id in ipairs(redis.call('SMEMBERS', acks)) do
    if not held[id] then
        back = back + put_back(queue, messages, levels, id)
        redis.call('SREM', acks, id)
    end
end
redis.call('HSET', KEYS[5], ARGV[1], ARGV[2])
-- Only a consumer that is listed is missed when it dies.
redis.call('ZADD', KEYS[6], now_ms(), ARGV[1])
if back > 0 then
    ring(KEYS[7], KEYS[8], back)
end
yield_slots(control, queue)
fill_all(control, queue)
return back
