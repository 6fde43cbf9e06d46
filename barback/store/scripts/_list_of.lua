-- The list in which a message waits: the queue's own or, where its id begins with a priority
-- ('5:…'), that of the priority, which is then noted among the levels in use. Ids of other programs
-- may have colons, too.
local function list_of(queue, levels, id)
    local level = string.match(id, '^(%-?[1-9]%d?):')
    if not level then
        return queue
    end
    redis.call('ZADD', levels, level, level)
    return levels .. ':' .. level
end

-- Take a message out of the list in which it waits; false: it is not there.
local function leave_list(queue, levels, id)
    local list = list_of(queue, levels, id)
    local was_there = redis.call('LREM', list, 1, id) == 1
    if list ~= queue and redis.call('EXISTS', list) == 0 then
        redis.call('ZREM', levels, string.sub(list, #levels + 2))
    end
    return was_there
end
