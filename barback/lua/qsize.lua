#!lua flags=allow-oom
-- How much of a queue is left to do. One step, so that a message on its way from one place to
-- another is never missed; and a script, because a full server refuses transactions.
--
-- KEYS: messages, acks, delayed messages, due times
local messages, acks, delayed_messages, due = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

return redis.call('HLEN', messages) + redis.call('SCARD', acks)
    + redis.call('HLEN', delayed_messages) + redis.call('ZCARD', due)
