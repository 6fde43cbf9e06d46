-- Put a message that was not started back at the head of its queue. Where nobody takes it from
-- there, it gives its slot to other queues, and keeps its place among those that wait for one.
local function give_back(control, queue, messages, levels, id, is_closed)
    local limit, key = read_slot(is_closed and redis.call('HGET', control[SLOTS], id))
    if not key or redis.call('HEXISTS', messages, id) == 0 then
        return put_back(queue, messages, levels, id)
    end
    park(control, queue, id, key, limit, true)
    release(control, queue, id)
    return 1
end
