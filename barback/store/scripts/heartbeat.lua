#!lua flags=allow-oom
-- A worker's heartbeat for queues that it consumes, and a look for workers that send none.
--
-- KEYS: for each queue: heartbeats
-- ARGV: how old a heartbeat is suspicious in milliseconds, the worker, then for each queue '1'
--       when its consumer is alive
-- Returns for each queue {suspicious worker, its last heartbeat, …}.
-- include: _now_ms
local now = now_ms()
local answer = {}
for i, heartbeats in ipairs(KEYS) do
    -- Something else under the name of one queue is no reason to leave out the others: whoever joins
    -- it says so.
    if ARGV[i + 2] == '1' then
        redis.pcall('ZADD', heartbeats, now, ARGV[2])
    end
    local found = redis.pcall('ZRANGE', heartbeats, '-inf', now - ARGV[1], 'BYSCORE', 'WITHSCORES')
    answer[i] = found.err and {} or found
end
return answer
