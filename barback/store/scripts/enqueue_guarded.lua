#!lua
-- Send a message unless its token was used before, or another message claims its unique key.
--
-- KEYS: queue, messages, levels, waiting workers, pause, delayed messages, due times, wake-up list,
--       crashes, token, then those of QueueKeys.control
-- ARGV: id, payload, delay in milliseconds ('' for none), how long the token is remembered in
--       milliseconds ('' for no token), Dramatiq's id, unique key ('' for none), how long the
--       claim lasts at the least in milliseconds, 'replace' to take the place of a message that
--       waits, the record of the one that is replaced as JSON, how long that is remembered in
--       milliseconds, how many are remembered
-- Returns nil when the token had been used, and else the id and Dramatiq's id of the message that
-- has the claim: of this one when it was sent.
-- include: _now_ms
-- include: _list_of
-- include: _ring
-- include: _delay
-- include: _remember
-- include: _claim
-- include: _release
-- include: _take_out
local queue, messages, levels, token = KEYS[1], KEYS[2], KEYS[3], KEYS[10]
local id, message_id, unique_key = ARGV[1], ARGV[5], ARGV[6]
local control = {unpack(KEYS, 11)}

local list = list_of(queue, levels, id)
redis.call('LLEN', list) -- fails before anything is written when that is no list
-- Token and claim keep the id that won, so that saying the same message again (after a connection
-- broke) reports the same success.
local winner = ARGV[4] ~= '' and redis.call('GET', token)
if winner then
    -- A write, here and below, for WAIT and WAITAOF: they wait for the last write of their own
    -- connection, and the message may be from another one that was not confirmed.
    redis.call('SET', token, winner, 'KEEPTTL')
    return winner == id and {id, message_id} or nil
end

local now = now_ms()
if unique_key ~= '' then
    local first, first_message_id, until_ms = claim_of(control[4], unique_key)
    if first == id then
        redis.call('HSET', control[4], unique_key, redis.call('HGET', control[4], unique_key))
        return {id, message_id}
    end
    if first then
        local replaces = ARGV[8] == 'replace'
        if replaces and take_out(control, queue, messages, levels, KEYS[6], KEYS[7], KEYS[9], first)
        then
            release(control, queue, first)
            local text = string.gsub(ARGV[9], '%%id%%', function()
                return string.sub(cjson.encode(first_message_id), 2, -2)
            end)
            remember(control[2], control[3], now, first, first_message_id, text, ARGV[10], ARGV[11])
        end
        if not replaces
            and (until_ms > now or redis.call('HEXISTS', messages, first) == 1
                or redis.call('HEXISTS', KEYS[6], first) == 1
                or redis.call('HEXISTS', control[1], first) == 1)
        then
            redis.call('HSET', control[4], unique_key, redis.call('HGET', control[4], unique_key))
            return {first, first_message_id}
        end
    end
    local claim = id .. ' ' .. message_id .. ' ' .. (now + ARGV[7])
    redis.call('HSET', control[4], unique_key, claim)
end

if ARGV[3] == '' then
    redis.call('HSET', messages, id, ARGV[2])
    redis.call('RPUSH', list, id)
    ring(KEYS[4], KEYS[5], 1)
else
    delay(KEYS[6], KEYS[7], KEYS[8], id, ARGV[2], now + ARGV[3])
end
-- Last: a token whose message was refused would keep it from being sent for ever.
if ARGV[4] ~= '' then
    redis.call('SET', token, id, 'PX', ARGV[4])
end
return {id, message_id}
