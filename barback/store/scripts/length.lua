#!lua flags=no-writes,allow-oom
-- How many messages wait in a queue.
--
-- KEYS: queue, levels
-- include: _waiting_lists
local length = 0
for _, list in ipairs(waiting_lists(KEYS[1], KEYS[2])) do
    length = length + redis.call('LLEN', list)
end
return length
