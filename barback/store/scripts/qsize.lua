#!lua flags=allow-oom
-- How much of a queue is left to do. One step, so that a message on its way from one place to
-- another is never missed; and a script, because a full server refuses transactions.
--
-- KEYS: messages, acks, delayed messages
-- What is delayed is counted by its payloads: the ids of cancelled messages stay among the due times
-- until then. It counts twice, as it does with stock Dramatiq, where its worker holds it.
return redis.call('HLEN', KEYS[1]) + redis.call('SCARD', KEYS[2]) + 2 * redis.call('HLEN', KEYS[3])
