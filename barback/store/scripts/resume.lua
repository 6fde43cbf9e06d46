#!lua flags=allow-oom
-- End the pause of a queue, or note that it has ended by itself, and wake the workers that wait for
-- it.
--
-- KEYS: queue, levels, waiting workers, pause, then those of QueueKeys.control
-- ARGV: 'end' to end it
-- Returns 1, or 0 when there was no pause to end, or there is one again.
-- include: _waiting_lists
-- include: _list_of
-- include: _ring
-- include: _release
if ARGV[1] == 'end' then
    if redis.call('DEL', KEYS[4]) == 0 then
        return 0
    end
elseif redis.call('EXISTS', KEYS[4]) == 1 then
    return 0
end
fill_all({unpack(KEYS, 5)}, KEYS[1])
local length = 0
for _, list in ipairs(waiting_lists(KEYS[1], KEYS[2])) do
    length = length + redis.call('LLEN', list)
end
if length > 0 then
    ring(KEYS[3], KEYS[4], length)
end
return 1
