#!lua flags=allow-oom
-- A worker says who it is. Each time anew: another worker may have cleared it away during a long
-- silence, or somebody has emptied the server.
--
-- KEYS: descriptions of the workers, queues, stock's heartbeats (where stock can be)
-- ARGV: the worker, its description as JSON, then its queues
-- include: _now_ms
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for i = 3, #ARGV do
    redis.call('SADD', KEYS[2], ARGV[i])
end
if KEYS[3] then
    redis.call('ZADD', KEYS[3], now_ms(), ARGV[1])
end
return 1
