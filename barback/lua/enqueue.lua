#!lua
-- Put messages at the end of a queue, all of them or, when memory is full, none.
--
-- A message that is already stored under its id is left alone, so that a producer whose
-- connection broke before the answer came can safely say it again.
--
-- KEYS: queue, messages
-- ARGV: id, payload, id, payload, …
-- Returns how many messages were new.
local queue, messages = KEYS[1], KEYS[2]

local new_ids = {}
for i = 1, #ARGV, 2 do
    if redis.call('HSETNX', messages, ARGV[i], ARGV[i + 1]) == 1 then
        new_ids[#new_ids + 1] = ARGV[i]
    end
end
if #new_ids > 0 then
    redis.call('RPUSH', queue, unpack(new_ids))
end
return #new_ids
