#!lua flags=allow-oom
-- Note that a worker starts a message which a worker has died over before.
--
-- KEYS: crashes
-- ARGV: message id, worker
-- Returns 1, or 0 when the message is finished: another worker had it meanwhile.
-- See recover.lua for what the note is good for.
local note = redis.call('HGET', KEYS[1], ARGV[1])
if not note then
    return 0
end
redis.call('HSET', KEYS[1], ARGV[1], string.match(note, '^%d+') .. ':' .. ARGV[2])
return 1
