#!lua flags=allow-oom
-- Delete the messages that wait in a queue, a batch at a time. Those that workers hold stay.
--
-- KEYS: queue, messages, levels, crashes, waiting workers, pause, then those of QueueKeys.control
-- ARGV: how many to delete at the most
-- Returns how many were deleted.
-- include: _waiting_lists
-- include: _list_of
-- include: _ring
-- include: _release
local deleted, woken = 0, 0
local control = {unpack(KEYS, 7)}
local has_slots = redis.call('EXISTS', control[5]) == 1
for _, list in ipairs(waiting_lists(KEYS[1], KEYS[3])) do
    local ids = redis.call('LPOP', list, ARGV[1] - deleted) or {}
    if #ids > 0 then
        redis.call('HDEL', KEYS[2], unpack(ids))
        redis.call('HDEL', KEYS[4], unpack(ids))
        deleted = deleted + #ids
        for _, id in ipairs(has_slots and ids or {}) do
            woken = woken + release(control, KEYS[1], KEYS[2], KEYS[3], id)
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
local parked = redis.call('HRANDFIELD', control[PARKED], ARGV[1] - deleted, 'WITHVALUES')
for i = 1, #parked, 2 do
    redis.call('LREM', control[PARKED] .. ':' .. parked[i + 1], 1, parked[i])
    redis.call('HDEL', control[PARKED], parked[i])
    redis.call('HDEL', KEYS[2], parked[i])
    deleted = deleted + 1
end
if woken > 0 then
    ring(KEYS[5], KEYS[6], woken)
end
return deleted
