#!lua flags=allow-oom
-- Cancel messages. Those that wait are gone at once. What a worker holds is deleted, too, so that
-- it neither runs nor is tried again, whatever becomes of that worker, which is asked to stop it.
--
-- KEYS: queue, messages, levels, delayed messages, due times, crashes, then those of
--       QueueKeys.control
-- ARGV: how long to remember it in milliseconds, how many to remember, then for each message: id,
--       Dramatiq's id, the record as JSON
-- Returns for each message 1 when it is gone, 2 when its worker is asked, 0 when it had ended.
-- include: _now_ms
-- include: _list_of
-- include: _ring
-- include: _remember
-- include: _release
-- include: _take_out
local queue, messages, levels = KEYS[1], KEYS[2], KEYS[3]
local control = {unpack(KEYS, 7)}

local now, answers = now_ms(), {}
for i = 3, #ARGV, 3 do
    local id, answer = ARGV[i], 0
    if take_out(control, queue, messages, levels, KEYS[4], KEYS[5], KEYS[6], id) then
        answer = 1
        release(control, queue, id)
    elseif redis.call('HDEL', messages, id) == 1 then
        redis.call('HSET', control[1], id, ARGV[i + 2])
        answer = 2
    elseif redis.call('HEXISTS', control[1], id) == 1 then
        answer = 2
    end
    if answer > 0 then
        remember(control[2], control[3], now, id, ARGV[i + 1], ARGV[i + 2], ARGV[1], ARGV[2])
    end
    answers[#answers + 1] = answer
end
return answers
