#!lua flags=no-writes,allow-oom
-- When the next delayed message of each queue is due.
--
-- KEYS: for each queue: due times, stock Dramatiq's list of delayed messages
-- Returns for each queue: the milliseconds until then (-1: there is none), how many messages stock
-- Dramatiq left.
-- include: _now_ms
local now = now_ms()
local answer = {}
for i = 1, #KEYS, 2 do
    local due_ms = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2]
    answer[#answer + 1] = due_ms and math.max(0, due_ms - now) or -1
    answer[#answer + 1] = redis.call('LLEN', KEYS[i + 1])
end
return answer
