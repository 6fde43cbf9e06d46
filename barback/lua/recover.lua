#!lua flags=allow-oom
-- Put what a dead worker held back at the head of its queue.
--
-- Nobody knows at first which of its messages killed it, so each one is charged with a loss. From
-- then on a worker notes when it starts such a message (start.lua), and only those that it had
-- started are charged. The innocent neighbours of a message that kills every worker are so
-- charged once, and go on; the killer is charged each time and ends as a dead letter.
--
-- KEYS: queue, messages, acks, inbox, losses, signs of life, dead letters, dead messages,
--       dead letters' details
-- ARGV: consumer ('worker:queue'), worker, the last sign of life that was judged, how many losses
--       make a dead letter, details of the death as JSON
-- Returns {messages put back, messages that became dead letters}, or nil when the worker has shown
-- a sign of life or another worker was first.
local queue, messages, acks, inbox, losses = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local signs, dead, dead_messages, dead_details = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local consumer, worker, last_sign, max_losses = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local score = redis.call('ZSCORE', signs, consumer)
if not score or tonumber(score) ~= tonumber(last_sign) then
    return nil
end

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local back, buried = 0, 0

local function put_back(id)
    if redis.call('HEXISTS', messages, id) == 1 then
        redis.call('LPUSH', queue, id)
        back = back + 1
    end
end

local function bury(id)
    local payload = redis.call('HGET', messages, id)
    if payload then
        redis.call('ZADD', dead, now_ms, id)
        redis.call('HSET', dead_messages, id, payload)
        redis.call('HSET', dead_details, id, ARGV[5])
        redis.call('HDEL', messages, id)
        buried = buried + 1
    end
    redis.call('HDEL', losses, id)
end

for _, id in ipairs(redis.call('SMEMBERS', acks)) do
    local exists = redis.call('HEXISTS', messages, id) == 1
    local note = redis.call('HGET', losses, id)
    local count = note and tonumber(string.match(note, '^%d+')) or 0
    if count == 0 or string.sub(note, -#worker) == worker then
        count = count + 1
    end
    if not exists then
        redis.call('HDEL', losses, id)
    elseif count >= max_losses then
        bury(id)
    else
        redis.call('HSET', losses, id, count)
        put_back(id)
    end
end
redis.call('DEL', acks)

-- What only lay in the inbox was never seen by the worker.
local id = redis.call('RPOP', inbox)
while id do
    put_back(id)
    id = redis.call('RPOP', inbox)
end
redis.call('ZREM', signs, consumer)
return {back, buried}
