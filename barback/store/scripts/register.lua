#!lua flags=allow-oom
-- Note that queues exist.
--
-- KEYS: names of all queues
-- ARGV: names
return redis.call('SADD', KEYS[1], unpack(ARGV))
