-- Put a message that was taken back at the head of its queue, unless it was deleted meanwhile. Its
-- holder is to let go of it afterwards: should the queue be no list, this fails, and nothing is lost.
local function put_back(queue, messages, levels, id)
    if redis.call('HEXISTS', messages, id) == 0 then
        return 0
    end
    redis.call('LPUSH', list_of(queue, levels, id), id)
    return 1
end
