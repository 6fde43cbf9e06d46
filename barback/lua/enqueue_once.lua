#!lua
-- Put a message at the end of a queue unless its token was used before.
--
-- KEYS: queue, messages, token
-- ARGV: id, payload, how long the token is remembered in milliseconds
-- Returns 1 when the message was enqueued, 0 when the token had been used.
local queue, messages, token = KEYS[1], KEYS[2], KEYS[3]

-- The token keeps the id that won, so that saying the same message again (after a connection
-- broke) reports the same success.
if redis.call('SET', token, ARGV[1], 'NX', 'PX', ARGV[3]) then
    redis.call('HSET', messages, ARGV[1], ARGV[2])
    redis.call('RPUSH', queue, ARGV[1])
    return 1
end
return redis.call('GET', token) == ARGV[1] and 1 or 0
