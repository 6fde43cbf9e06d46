-- Ring a bell for a queue. When nobody hears it, it goes away by itself.
local function ring_at(bell, waiting)
    redis.call('RPUSH', bell, waiting)
    redis.call('PEXPIRE', bell, 60000)
end

-- Wake a waiting worker for each of some messages. Nobody is woken while the queue is paused.
local function ring(waiting, paused, count)
    local bells = redis.call('SPOP', waiting, count)
    if #bells == 0 then
        return
    end
    if redis.call('EXISTS', paused) == 1 then
        redis.call('SADD', waiting, unpack(bells))
        return
    end
    for _, bell in ipairs(bells) do
        ring_at(bell, waiting)
    end
end
