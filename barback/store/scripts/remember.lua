#!lua
-- Remember how messages ended. Of one that was cancelled and ran to its end, that stays known.
--
-- KEYS: ended, their details
-- ARGV: how long in milliseconds, how many, then for each message: id, Dramatiq's id, the record
-- Returns how many there were.
-- include: _now_ms
-- include: _remember
local now = now_ms()
for i = 3, #ARGV, 3 do
    -- A thousandth of a millisecond apart, so that the oldest is forgotten first.
    local ended_ms = now + i / 3000
    local known = redis.call('HGET', KEYS[2], ARGV[i])
    if not known or not string.find(known, '"state": "cancelled"', 1, true) then
        remember(KEYS[1], KEYS[2], ended_ms, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[1], ARGV[2])
    end
end
-- Fewer are wanted than before: so many of them in one step are no long one.
local over = math.min(redis.call('ZCARD', KEYS[1]) - ARGV[2], 1000)
if over > 0 then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, over - 1)) do
        forget(KEYS[1], KEYS[2], id)
    end
end
return (#ARGV - 2) / 3
