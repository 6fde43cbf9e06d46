#!lua flags=no-writes,allow-oom
-- How many messages wait in a queue, those that wait for room under a limit included.
--
-- KEYS: queue, levels, parked
-- include: _waiting_lists
local length = redis.call('HLEN', KEYS[3])
for _, list in ipairs(waiting_lists(KEYS[1], KEYS[2])) do
    length = length + redis.call('LLEN', list)
end
return length
