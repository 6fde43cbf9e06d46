-- The claims of unique messages. A claim is worth no more than its message: where that is gone,
-- however it ended, the claim is free, so that it can never be the reason that work is refused for
-- ever. Deleting claims only saves memory.

-- The id, Dramatiq's id, and until when it holds at the least, of whoever claims a key; or nil.
local function claim_of(claims, key)
    local claim = redis.call('HGET', claims, key)
    if not claim then
        return nil
    end
    local id, message_id, until_ms = string.match(claim, '^(%S+) (.*) (%d+)$')
    return id, message_id, tonumber(until_ms)
end

-- End the claim of a message that has ended, or let its retry have it.
local function end_claim(claims, key, now, id, next_id)
    local holder, message_id, until_ms = claim_of(claims, key)
    if holder ~= id then
        return
    end
    if next_id then
        redis.call('HSET', claims, key, next_id .. ' ' .. message_id .. ' ' .. until_ms)
    elseif until_ms <= now then
        redis.call('HDEL', claims, key)
    end
end
