#!lua flags=allow-oom
-- A worker takes no more messages of a queue. Its bell rings, so that a wait of its own ends.
--
-- KEYS: consumers, waiting workers, bell
-- ARGV: worker
-- include: _ring
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SREM', KEYS[2], KEYS[3])
ring_at(KEYS[3], KEYS[2])
return 1
