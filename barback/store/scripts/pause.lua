#!lua flags=allow-oom
-- Hold back the messages of a queue. Those that have a slot and wait give it to other queues.
--
-- KEYS: queue, pause, then those of QueueKeys.control
-- ARGV: why, as JSON, how long in milliseconds ('' until it is resumed)
-- include: _list_of
-- include: _ring
-- include: _release
if ARGV[2] == '' then
    redis.call('SET', KEYS[2], ARGV[1])
else
    redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
yield_slots({unpack(KEYS, 3)}, KEYS[1])
return 1
