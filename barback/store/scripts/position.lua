#!lua flags=no-writes,allow-oom
-- How many messages wait before one.
--
-- KEYS: queue, levels
-- ARGV: id
-- Returns the number, or nil when the message does not wait.
-- include: _waiting_lists
local before = 0
for _, list in ipairs(waiting_lists(KEYS[1], KEYS[2])) do
    local found = redis.call('LPOS', list, ARGV[1])
    if found then
        return before + found
    end
    before = before + redis.call('LLEN', list)
end
return nil
