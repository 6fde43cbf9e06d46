#!lua flags=allow-oom
-- Clear away what messages have left behind that ended in an unusual way: were flushed, or finished
-- by a worker of stock Dramatiq.
--
-- KEYS: queue, messages, delayed messages, then those of QueueKeys.control, then the acks of each
--       worker
-- ARGV: where to go on among the claims
-- Returns where to go on next, '0' at the end.
-- include: _now_ms
-- include: _list_of
-- include: _ring
-- include: _remember
-- include: _claim
-- include: _release
local queue, messages, delayed_messages = KEYS[1], KEYS[2], KEYS[3]
local control = {unpack(KEYS, 4, 12)}
local now = now_ms()

local function is_alive(id)
    return redis.call('HEXISTS', messages, id) == 1
        or redis.call('HEXISTS', delayed_messages, id) == 1
        or redis.call('HEXISTS', control[1], id) == 1
end

forget_old(control[2], control[3], now, 1000)

for _, id in ipairs(redis.call('HKEYS', control[1])) do
    local is_held = false
    for i = 13, #KEYS do
        is_held = is_held or redis.call('SISMEMBER', KEYS[i], id) == 1
    end
    if not is_held then
        redis.call('HDEL', control[1], id)
    end
end

for _, id in ipairs(redis.call('HKEYS', control[SLOTS])) do
    if not is_alive(id) then
        release(control, queue, id)
    end
end
yield_slots(control, queue)
if redis.call('EXISTS', control[PARKED]) == 1 then
    fill_all(control, queue, count_holders(control))
end

local found = redis.call('HSCAN', control[4], ARGV[1], 'COUNT', 500)
for i = 1, #found[2], 2 do
    local id, _, until_ms = claim_of(control[4], found[2][i])
    if not id or (until_ms <= now and not is_alive(id)) then
        redis.call('HDEL', control[4], found[2][i])
    end
end
return found[1]
