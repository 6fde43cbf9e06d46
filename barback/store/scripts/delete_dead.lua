#!lua flags=allow-oom
-- Delete dead letters for good.
--
-- KEYS: dead letters, dead messages, dead letters' details
-- ARGV: ids
-- Returns how many there were.
local dead, dead_messages, dead_details = KEYS[1], KEYS[2], KEYS[3]

redis.call('HDEL', dead_messages, unpack(ARGV))
redis.call('HDEL', dead_details, unpack(ARGV))
return redis.call('ZREM', dead, unpack(ARGV))
