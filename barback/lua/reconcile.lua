#!lua flags=allow-oom
-- After a broken connection: give back what Redis thinks that this worker holds, but the worker
-- never received, because the answer was lost.
--
-- KEYS: queue, messages, acks, inbox
-- ARGV: the ids that the worker does hold
-- Returns how many messages went back to the head of the queue.
local queue, messages, acks, inbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local held = {}
for _, id in ipairs(ARGV) do
    held[id] = true
end

local given = 0
local function give_back(id)
    if redis.call('HEXISTS', messages, id) == 1 then
        redis.call('LPUSH', queue, id)
        given = given + 1
    end
end

for _, id in ipairs(redis.call('SMEMBERS', acks)) do
    if not held[id] then
        redis.call('SREM', acks, id)
        give_back(id)
    end
end
-- What the inbox got first was first in the queue.
local id = redis.call('RPOP', inbox)
while id do
    give_back(id)
    id = redis.call('RPOP', inbox)
end
return given
