-- Take a message out of its queue wherever it waits; false: it is gone, or a worker holds it.
local function take_out(control, queue, messages, levels, delayed_messages, due, crashes, id)
    local found = false
    if redis.call('ZREM', due, id) == 1 then
        found = redis.call('HDEL', delayed_messages, id) == 1
        leave_paced(control, id)
    elseif redis.call('HEXISTS', messages, id) == 1 then
        found = leave_line(control, queue, id) or leave_list(queue, levels, id)
        if found then
            redis.call('HDEL', messages, id)
        end
    end
    if found then
        redis.call('HDEL', crashes, id)
    end
    return found
end
