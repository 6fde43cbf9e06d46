-- Take a message out of its queue wherever it waits; false: it is gone, or a worker holds it.
local function take_out(control, queue, messages, levels, delayed_messages, due, crashes, id)
    local found = false
    if redis.call('ZREM', due, id) == 1 then
        found = redis.call('HDEL', delayed_messages, id) == 1
        redis.call('HDEL', control[8], id)
    elseif redis.call('HEXISTS', messages, id) == 1 then
        found = leave_line(control, queue, id)
        if not found then
            local list = list_of(queue, levels, id)
            found = redis.call('LREM', list, 1, id) == 1
            if list ~= queue and redis.call('EXISTS', list) == 0 then
                redis.call('ZREM', levels, string.sub(list, #levels + 2))
            end
        end
        if found then
            redis.call('HDEL', messages, id)
        end
    end
    if found then
        redis.call('HDEL', crashes, id)
    end
    return found
end
