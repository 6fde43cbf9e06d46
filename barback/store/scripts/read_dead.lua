#!lua flags=no-writes,allow-oom
-- Read dead letters: the first one, and as many of the others as fit into so many bytes with it.
--
-- KEYS: dead messages
-- ARGV: the bytes, then ids
-- Returns the payloads of the first ids, nil for those that are gone.
local room, payloads = tonumber(ARGV[1]), {}
for i = 2, #ARGV do
    room = room - redis.call('HSTRLEN', KEYS[1], ARGV[i])
    if room < 0 and i > 2 then
        break
    end
    payloads[i - 1] = redis.call('HGET', KEYS[1], ARGV[i])
end
return payloads
