#!lua flags=allow-oom
-- Delete the messages that wait in a queue, a batch at a time. Those that workers hold stay.
--
-- KEYS: queue, messages, levels, crashes, then those of QueueKeys.control
-- ARGV: how many to delete at the most
-- Returns how many were deleted.
-- include: _waiting_lists
-- include: _list_of
-- include: _ring
-- include: _release
local deleted = 0
local control = {unpack(KEYS, 5)}
local has_slots = redis.call('EXISTS', control[5]) == 1
for _, list in ipairs(waiting_lists(KEYS[1], KEYS[3])) do
    local ids = redis.call('LPOP', list, ARGV[1] - deleted) or {}
    if #ids > 0 then
        redis.call('HDEL', KEYS[2], unpack(ids))
        redis.call('HDEL', KEYS[4], unpack(ids))
        deleted = deleted + #ids
        for _, id in ipairs(has_slots and ids or {}) do
            release(control, KEYS[1], id)
        end
    end
    if list ~= KEYS[1] and redis.call('EXISTS', list) == 0 then
        redis.call('ZREM', KEYS[3], string.sub(list, #KEYS[3] + 2))
    end
    if deleted >= tonumber(ARGV[1]) then
        break
    end
end
-- Those that wait for room under a limit wait, too.
for _, id in ipairs(redis.call('HRANDFIELD', control[PARKED], ARGV[1] - deleted)) do
    leave_line(control, KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
    deleted = deleted + 1
end
return deleted
