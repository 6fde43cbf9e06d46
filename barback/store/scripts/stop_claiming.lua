#!lua flags=allow-oom
-- A worker takes no more messages of a queue. Its bell rings, so that a wait of its own ends.
--
-- KEYS: consumers, waiting workers, bell, queue, then those of QueueKeys.control
-- ARGV: worker
-- include: _list_of
-- include: _ring
-- include: _release
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SREM', KEYS[2], KEYS[3])
ring_at(KEYS[3], KEYS[2])
yield_slots({unpack(KEYS, 5)}, KEYS[4])
return 1
