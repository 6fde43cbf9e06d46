-- The slots of limits. A message holds its slot from its start to its end, also while it is back in
-- the queue because its worker died. A slot that is free goes at once to the message that has
-- waited for it longest: that one goes to the head of its queue and finds the slot its own.
--
-- Those that wait for a key stand in a list for each queue, and a sorted set tells which queue's
-- first has come first. On a cluster, each queue is for itself. Elsewhere all queues share the
-- slots, and a slot may go to a message of another queue, whose keys have names that are not among
-- KEYS: no script can know them beforehand. A queue that is paused or that nobody serves gets none,
-- and gives back those that no worker has in its hands, lest it holds up the others; it gets its
-- share when it is resumed or served again.

-- KEYS from here on, see QueueKeys.control:
local SLOTS, SLOTS_USED, PARKED, PACED, LINES = 5, 6, 7, 8, 9

-- The keys of any queue that shares its limits with this one, by that of its list.
local function keys_of(control, queue)
    local namespace = string.match(control[PARKED], '^(.*:)__barback__:')
    local name = string.sub(queue, #namespace + 1)
    local prefix = namespace .. '__barback__:' .. name .. ':'
    return {
        namespace = namespace, name = name,
        queue = queue, messages = queue .. '.msgs', levels = prefix .. 'levels',
        waiting = prefix .. 'waiting', paused = prefix .. 'paused',
        consumers = prefix .. 'consumers', heartbeats = prefix .. 'heartbeats',
        slots = prefix .. 'slots', parked = prefix .. 'parked',
    }
end

-- Whether workers take messages of a queue.
local function is_open(its)
    return redis.call('EXISTS', its.paused) == 0 and redis.call('EXISTS', its.consumers) == 1
end

-- Whether a worker has a message in its hands.
local function is_held(its, id)
    for _, worker in ipairs(redis.call('ZRANGE', its.heartbeats, 0, -1)) do
        local acks = its.namespace .. '__acks__.' .. worker .. '.' .. its.name
        if redis.call('SISMEMBER', acks, id) == 1 then
            return true
        end
    end
    return false
end

-- The keys of the queue whose message is the next to get a slot, or nil.
local function next_in_line(control, key)
    for _, queue in ipairs(redis.call('ZRANGE', control[LINES] .. ':' .. key, 0, -1)) do
        local its = keys_of(control, queue)
        if is_open(its) then
            return its
        end
    end
end

-- The place, the limit and the key in a note of one that waits, and the limit and the key of a slot;
-- nil where it is none that these scripts have written.
local function read_note(note)
    return string.match(note or '', '^(%-?%d+) (%d+) (.*)$')
end

local function read_slot(slot)
    return string.match(slot or '', '^(%d+) (.*)$')
end

-- How many hold a slot.
local function slots_used(control, key)
    return tonumber(redis.call('HGET', control[SLOTS_USED], key) or 0) or 0
end

-- Have a queue stand in line by the message of it that has come first.
local function stand_in_line(control, its, key)
    local line, parked = control[LINES] .. ':' .. key, its.parked .. ':' .. key
    local first = redis.call('LINDEX', parked, 0)
    while first do
        local place = read_note(redis.call('HGET', its.parked, first))
        if place then
            redis.call('ZADD', line, place, its.queue)
            return
        end
        redis.call('LPOP', parked) -- it is gone
        first = redis.call('LINDEX', parked, 0)
    end
    redis.call('ZREM', line, its.queue)
end

-- Have a message wait for a slot: as the last of all, or as the first of its queue.
local function park(control, queue, id, key, limit, is_first)
    local own, place = keys_of(control, queue), nil
    if is_first then
        local first = redis.call('ZRANGE', control[LINES] .. ':' .. key, 0, 0, 'WITHSCORES')
        place = string.format('%d', (first[2] or 0) - 1)
    else
        place = redis.call('INCR', control[LINES])
    end
    redis.call(is_first and 'LPUSH' or 'RPUSH', own.parked .. ':' .. key, id)
    redis.call('HSET', own.parked, id, place .. ' ' .. limit .. ' ' .. key)
    stand_in_line(control, own, key)
end

-- Have a message wait for a slot no more; false: it does not.
local function leave_line(control, queue, id)
    local own = keys_of(control, queue)
    local _, _, key = read_note(redis.call('HGET', control[PARKED], id))
    if not key then
        return false
    end
    redis.call('HDEL', own.parked, id)
    local was_there = redis.call('LREM', own.parked .. ':' .. key, 1, id) == 1
    stand_in_line(control, own, key)
    return was_there
end

-- Leave the line of those that are delayed under a rate: who comes later does not wait for it.
local function leave_paced(control, id)
    local key = redis.call('HGET', control[PACED], id)
    if key then
        local starts = string.gsub(control[SLOTS_USED], 'slots%-used$', 'starts')
        redis.call('ZREM', starts .. ':' .. key .. ':paced', id)
        redis.call('HDEL', control[PACED], id)
    end
end

-- Give free slots of a key to those that wait for them, and wake workers for these. How many slots
-- there are is what was said last: by the caller, or for other queues by the message that waits.
local function fill(control, queue, key, own_limit)
    local used = slots_used(control, key)
    local woken = {}
    while true do
        local its = next_in_line(control, key)
        local id = its and redis.call('LINDEX', its.parked .. ':' .. key, 0)
        local _, limit = read_note(id and redis.call('HGET', its.parked, id))
        if limit and own_limit and its.queue == queue then
            limit = own_limit
        end
        if not its or (limit and used >= tonumber(limit)) then
            break
        end
        redis.call('LPOP', its.parked .. ':' .. key)
        if limit and redis.call('HDEL', its.parked, id) == 1
            and redis.call('HEXISTS', its.messages, id) == 1 then
            redis.call('HSET', its.slots, id, limit .. ' ' .. key)
            used = used + 1
            woken[#woken + 1] = {its, id}
        end
        stand_in_line(control, its, key)
    end
    for i = #woken, 1, -1 do
        local its, id = unpack(woken[i])
        redis.call('LPUSH', list_of(its.queue, its.levels, id), id)
        ring(its.waiting, its.paused, 1)
    end
    if used > 0 then
        redis.call('HSET', control[SLOTS_USED], key, used)
    else
        redis.call('HDEL', control[SLOTS_USED], key)
    end
end

-- Give back the slot of a message that has ended, if it has one.
local function release(control, queue, id)
    local slot = redis.call('HGET', control[SLOTS], id)
    if not slot then
        return
    end
    local limit, key = read_slot(slot)
    redis.call('HDEL', control[SLOTS], id)
    if not key then
        return
    end
    redis.call('HSET', control[SLOTS_USED], key, slots_used(control, key) - 1)
    fill(control, queue, key, limit)
end

-- How many messages of each queue hold a slot, by key.
local function count_holders(control)
    local all_slots, counts = {control[SLOTS]}, {}
    local of_all = string.match(control[SLOTS_USED], '^(.*:)limits:slots%-used$')
    if of_all then -- on a cluster, each queue is for itself
        all_slots = {}
        for _, name in ipairs(redis.call('SMEMBERS', of_all .. 'queues')) do
            all_slots[#all_slots + 1] = of_all .. name .. ':slots'
        end
    end
    for _, slots in ipairs(all_slots) do
        for _, slot in ipairs(redis.pcall('HVALS', slots)) do
            local _, key = read_slot(slot)
            counts[key or ''] = (counts[key or ''] or 0) + 1
        end
    end
    return counts
end

-- A queue may get slots again: give it those that are free. Where they are to be counted, this mends
-- a count of slots of which somebody has deleted the rest, as by deleting the keys of a queue.
local function fill_all(control, queue, counts)
    local seen = {}
    for _, note in ipairs(redis.call('HVALS', control[PARKED])) do
        local _, _, key = read_note(note)
        if key and not seen[key] then
            seen[key] = true
            if counts then
                redis.call('HSET', control[SLOTS_USED], key, counts[key] or 0)
            end
            fill(control, queue, key)
        end
    end
end

-- Where nobody takes messages from a queue, those that wait in it give their slots to other queues,
-- and keep their place before all that wait for one.
local function yield_slots(control, queue)
    local own = keys_of(control, queue)
    if redis.call('EXISTS', own.slots) == 0 or is_open(own) then
        return
    end
    local waiting = {}
    for _, id in ipairs(redis.call('HKEYS', own.slots)) do
        if not is_held(own, id) then
            local is_queued = redis.call('HEXISTS', own.messages, id) == 1
            local place = is_queued and redis.call('LPOS', list_of(queue, own.levels, id), id)
            if place then
                local level = tonumber(string.match(id, '^(%-?[1-9]%d?):') or 0)
                waiting[#waiting + 1] = {id = id, level = level, place = place}
            else -- it is delayed, under a rate
                release(control, queue, id)
            end
        end
    end
    table.sort(waiting, function(a, b)
        return a.level > b.level or (a.level == b.level and a.place > b.place)
    end)
    for _, it in ipairs(waiting) do
        local limit, key = read_slot(redis.call('HGET', own.slots, it.id))
        if key then
            leave_list(queue, own.levels, it.id)
            park(control, queue, it.id, key, limit, true)
        end
        release(control, queue, it.id)
    end
end
