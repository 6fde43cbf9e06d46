#!lua flags=allow-oom
-- Put messages that a worker holds but has not started back at the head of their queue, in
-- their order.
--
-- KEYS: queue, messages, acks, levels, waiting workers, pause, then those of QueueKeys.control, but
--       for stock's delayed messages
-- ARGV: ids, the oldest first
-- Returns how many were put back.
-- include: _list_of
-- include: _put_back
-- include: _ring
-- include: _release
local control = {unpack(KEYS, 7)}
local back = 0
for i = #ARGV, 1, -1 do
    if redis.call('SISMEMBER', KEYS[3], ARGV[i]) == 1 then
        back = back + put_back(KEYS[1], KEYS[2], KEYS[4], ARGV[i])
        redis.call('SREM', KEYS[3], ARGV[i])
    end
end
if #control > 0 then
    yield_slots(control, KEYS[1])
end
if back > 0 then
    ring(KEYS[5], KEYS[6], back)
end
return back
