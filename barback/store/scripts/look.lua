#!lua flags=allow-oom
-- Wake workers that wait for messages which are there: stock Dramatiq's producers wake nobody, and
-- a worker that was woken may have died before it looked. The worker that asks is woken although
-- nobody knows that it waits: its ring may have gone to a broken connection of its own. On the way
-- it says what it runs, and hears which of that it should stop.
--
-- KEYS: for each queue: queue, levels, waiting workers, pause, the bell of the worker that asks,
--       cancelling, acks of that worker, what the workers run
-- ARGV: worker, then for each queue what it runs as JSON ('' for nothing)
-- Returns the ids of the messages that it holds and should stop, and which of the queues are paused.
-- include: _now_ms
-- include: _waiting_lists
-- include: _ring
local KEYS_PER_QUEUE = 8
local cancelled, paused_queues = {}, {}

-- Whether anything waits, runs, is paused or cancelled in some of the queues. Most looks find
-- nothing: then one command is all that a hundred queues cost.
local function is_anything_there(first, last)
    local keys = {}
    for i = first, last, KEYS_PER_QUEUE do
        for _, offset in ipairs({0, 1, 3, 5, 7}) do
            keys[#keys + 1] = KEYS[i + offset]
        end
    end
    for i = 1, #keys, 1000 do
        if redis.call('EXISTS', unpack(keys, i, math.min(i + 999, #keys))) > 0 then
            return true
        end
    end
    return false
end

local function look_at(i, running)
    local waiting, paused, bell = KEYS[i + 2], KEYS[i + 3], KEYS[i + 4]
    local is_paused = redis.call('EXISTS', paused) == 1
    if is_paused then
        paused_queues[#paused_queues + 1] = (i - 1) / KEYS_PER_QUEUE
    end
    local count = 0
    for _, list in ipairs(waiting_lists(KEYS[i], KEYS[i + 1])) do
        count = count + redis.call('LLEN', list)
    end
    if count > 0 then
        ring(waiting, paused, count)
        if not is_paused and not redis.call('LPOS', bell, waiting) then
            ring_at(bell, waiting)
        end
    end
    if redis.call('EXISTS', KEYS[i + 5]) == 1 then
        for _, id in ipairs(redis.call('HKEYS', KEYS[i + 5])) do
            if redis.call('SISMEMBER', KEYS[i + 6], id) == 1 then
                cancelled[#cancelled + 1] = id
            end
        end
    end
    if running == '' then
        redis.call('HDEL', KEYS[i + 7], ARGV[1])
    else
        redis.call('HSET', KEYS[i + 7], ARGV[1], now_ms() .. ' ' .. running)
        redis.call('EXPIRE', KEYS[i + 7], 10)
    end
end

local is_busy = is_anything_there(1, #KEYS)
for i = 1, #KEYS, KEYS_PER_QUEUE do
    local running = ARGV[(i - 1) / KEYS_PER_QUEUE + 2]
    if running ~= '' or is_busy and is_anything_there(i, i + KEYS_PER_QUEUE - 1) then
        -- Something else under the name of one queue is no reason to leave out the others: the
        -- claim says so.
        pcall(look_at, i, running)
    end
end
return {cancelled, paused_queues}
