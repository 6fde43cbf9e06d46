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
