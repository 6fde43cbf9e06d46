-- Note that a message which its worker was asked to stop has ended all the same.
local function end_cancelled(cancelling, details, id, was_ignored)
    if redis.call('HDEL', cancelling, id) == 1 and was_ignored then
        local text = redis.call('HGET', details, id)
        if text then
            text = string.gsub(text, '"was_ignored": false', '"was_ignored": true')
            redis.call('HSET', details, id, text)
        end
    end
end
