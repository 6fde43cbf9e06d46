-- The slots of limits. A message holds its slot from its start to its end, also while it is back in
-- the queue because its worker died. A slot that is free goes at once to the message that has
-- waited for it longest: that one goes to the head of the queue and finds the slot its own.

-- KEYS from here on, see QueueKeys.control:
local SLOTS, SLOTS_USED, PARKED = 5, 6, 7

-- Give free slots of a key to those that wait for them; tells how many messages were put back.
local function fill(control, queue, messages, levels, key, limit)
    local parked = control[PARKED] .. ':' .. key
    local used = tonumber(redis.call('HGET', control[SLOTS_USED], key) or 0)
    local woken = {}
    while used < limit do
        local id = redis.call('LPOP', parked)
        if not id then
            break
        end
        if redis.call('HDEL', control[PARKED], id) == 1
            and redis.call('HEXISTS', messages, id) == 1 then
            redis.call('HSET', control[SLOTS], id, limit .. ' ' .. key)
            used = used + 1
            woken[#woken + 1] = id
        end
    end
    for i = #woken, 1, -1 do
        redis.call('LPUSH', list_of(queue, levels, woken[i]), woken[i])
    end
    if used > 0 then
        redis.call('HSET', control[SLOTS_USED], key, used)
    else
        redis.call('HDEL', control[SLOTS_USED], key)
    end
    return #woken
end

-- Give back the slot of a message that has ended, if it has one; tells how many were put back.
local function release(control, queue, messages, levels, id)
    local slot = redis.call('HGET', control[SLOTS], id)
    if not slot then
        return 0
    end
    local limit, key = string.match(slot, '^(%d+) (.*)$')
    redis.call('HDEL', control[SLOTS], id)
    redis.call('HINCRBY', control[SLOTS_USED], key, -1)
    return fill(control, queue, messages, levels, key, tonumber(limit))
end
