#!lua flags=allow-oom
-- Note that a worker starts a message which a worker has died over before.
--
-- KEYS: losses
-- ARGV: message id, worker
-- See recover.lua for what the note is good for.
local count = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '0', '^%d+')
redis.call('HSET', KEYS[1], ARGV[1], count .. ':' .. ARGV[2])
return 1
