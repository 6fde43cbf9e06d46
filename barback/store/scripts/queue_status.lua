#!lua flags=no-writes,allow-oom
-- The state of a queue.
--
-- KEYS: queue, messages, levels, delayed messages, dead letters, pause, parked
-- Returns {how many wait, how many are stored and do not wait, how many are delayed, how many are
--          dead, now in milliseconds, the next message's payload or '', the pause or '', how many
--          wait for room under a limit}.
-- include: _waiting_lists
-- include: _now_ms
local ready, next_payload = 0, ''
for _, list in ipairs(waiting_lists(KEYS[1], KEYS[3])) do
    ready = ready + redis.call('LLEN', list)
    if next_payload == '' and ready > 0 then
        next_payload = redis.call('HGET', KEYS[2], redis.call('LINDEX', list, 0)) or ''
    end
end
local stored, limited = redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[7])
return {
    ready,
    math.max(0, stored - ready - limited),
    -- Their payloads: the ids of cancelled ones stay among the due times until then.
    redis.call('HLEN', KEYS[4]),
    redis.call('ZCARD', KEYS[5]),
    now_ms(),
    next_payload,
    redis.call('GET', KEYS[6]) or '',
    limited,
}
