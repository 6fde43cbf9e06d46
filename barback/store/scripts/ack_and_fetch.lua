#!lua flags=allow-oom
-- Acknowledge finished messages and take the next ones, in one round trip.
--
-- Only a worker that has joined the queue under its present epoch takes anything: a claim whose
-- answer was lost, and which Redis executes late, must not take messages for nobody.
--
-- KEYS: queue, messages, acks (the messages this worker holds), crashes, consumers, levels,
--       waiting workers, pause, cancelling, details of ended messages
-- ARGV: how many messages to take (at most 1000 are taken), how many bytes they may have together
--       (one message may have more), worker, its epoch, its bell ('' unless it waits or is about
--       to), 'reversed' to take the least urgent first, then the ids of finished ones
-- Returns {{id, …}, {payload, …}, {crashes, …}}, or nil when the worker has to join again. The
-- third list is empty when no message of this queue was ever lost, which is the rule.
-- include: _waiting_lists
-- include: _list_of
-- include: _end_cancelled
local queue, messages, acks, crashes, levels = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[6]
local max_bytes, worker, epoch, bell = tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

-- Lua's stack bounds how many values unpack() may return.
local CHUNK = 1000
-- How many payloads are read at a time at the most.
local BATCH = 32

for first = 7, #ARGV, CHUNK do
    local ids = {unpack(ARGV, first, math.min(first + CHUNK - 1, #ARGV))}
    -- Only the holder of a message may delete it: after a long silence it may have been taken
    -- from this worker, and be in the queue or in another worker's hands.
    local held = redis.call('SMISMEMBER', acks, unpack(ids))
    local finished = {}
    for i, is_held in ipairs(held) do
        if is_held == 1 then
            finished[#finished + 1] = ids[i]
        end
    end
    if #finished > 0 then
        redis.call('SREM', acks, unpack(finished))
        if redis.call('HDEL', messages, unpack(finished)) < #finished then
            -- Cancelled meanwhile, but already done.
            for _, id in ipairs(finished) do
                end_cancelled(KEYS[9], KEYS[10], id, true)
            end
        end
        if redis.call('EXISTS', crashes) == 1 then
            redis.call('HDEL', crashes, unpack(finished))
        end
    end
end

local wanted = math.min(ARGV[1], CHUNK)
if wanted == 0 then
    return {{}, {}, {}}
end
if redis.call('HGET', KEYS[5], worker) ~= epoch then
    return nil
end

-- Before anything is taken: when something else stands under that name, this fails, and what had been
-- taken would be nobody's.
if bell ~= '' then
    redis.call('SREM', KEYS[7], bell)
end

local ids = {}
local is_paused = redis.call('EXISTS', KEYS[8]) == 1
if not is_paused then
    if redis.call('EXISTS', levels) == 0 then
        ids = redis.call('LPOP', queue, wanted) or {}
    else
        local lists = waiting_lists(queue, levels)
        for i = 1, #lists do
            local list = lists[ARGV[6] == 'reversed' and #lists + 1 - i or i]
            if #ids < wanted then
                local taken = redis.pcall('LPOP', list, wanted - #ids) or {}
                if taken.err and #ids == 0 then
                    return taken
                end
                for _, id in ipairs(taken) do
                    ids[#ids + 1] = id
                end
                if list ~= queue and redis.call('EXISTS', list) == 0 then
                    redis.call('ZREM', levels, string.sub(list, #levels + 2))
                end
            end
        end
    end
end
if #ids == 0 then
    if bell ~= '' then
        redis.call('SADD', KEYS[7], bell)
    end
    return {{}, {}, {}}
end

-- They are read in batches, of as many as there is room for if they are like those before: of large
-- ones few are taken, and reading the others would hold up the server. Where it fails, as when a key
-- is of a wrong type, all go back: what was taken would be nobody's.
local payloads, bytes, is_full, failure = {}, 0, false, nil
while #payloads < #ids and not is_full do
    local alike = bytes > 0 and (max_bytes - bytes) * #payloads / bytes or #payloads + 1
    local last = math.min(#payloads + math.max(1, math.min(BATCH, math.floor(alike))), #ids)
    local found = redis.pcall('HMGET', messages, unpack(ids, #payloads + 1, last))
    if found.err then
        failure = found
        break
    end
    for _, payload in ipairs(found) do
        bytes = bytes + (payload and #payload or 0)
        is_full = bytes > max_bytes and #payloads > 0
        if is_full then
            break
        end
        payloads[#payloads + 1] = payload
    end
end
if not failure then
    local held = redis.pcall('SADD', acks, unpack(ids, 1, #payloads))
    failure = type(held) == 'table' and held
end
for i = #ids, failure and 1 or #payloads + 1, -1 do
    redis.call('LPUSH', list_of(queue, levels, ids[i]), ids[i])
    ids[i] = nil
end
if failure then
    return failure
end

if redis.call('EXISTS', crashes) == 1 then
    return {ids, payloads, redis.call('HMGET', crashes, unpack(ids))}
end
return {ids, payloads, {}}
