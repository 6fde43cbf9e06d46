-- The lists in which messages of a queue wait, the most urgent first.
local function waiting_lists(queue, levels)
    local lists, has_own = {}, false
    for _, level in ipairs(redis.call('ZRANGE', levels, 0, -1)) do
        local number = tonumber(level) -- another entry than a number is none of ours
        if number and number > 0 and not has_own then
            lists[#lists + 1], has_own = queue, true
        end
        if number then
            lists[#lists + 1] = levels .. ':' .. level
        end
    end
    if not has_own then
        lists[#lists + 1] = queue
    end
    return lists
end
