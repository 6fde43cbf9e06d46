#!lua flags=allow-oom
-- A worker stops consuming a queue: whatever it still holds goes back to the head of the queue.
--
-- KEYS: queue, messages, acks, inbox, signs of life
-- ARGV: consumer ('worker:queue'), then the ids that it holds, the oldest first
local queue, messages, acks, inbox, signs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local function put_back(id)
    if redis.call('HEXISTS', messages, id) == 1 then
        redis.call('LPUSH', queue, id)
    end
end

local id = redis.call('RPOP', inbox)
while id do
    put_back(id)
    id = redis.call('RPOP', inbox)
end
for i = #ARGV, 2, -1 do
    if redis.call('SREM', acks, ARGV[i]) == 1 then
        put_back(ARGV[i])
    end
end
for _, unknown_id in ipairs(redis.call('SMEMBERS', acks)) do
    put_back(unknown_id)
end
redis.call('DEL', acks)
redis.call('ZREM', signs, ARGV[1])
return 1
