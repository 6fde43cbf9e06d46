-- Do something that may fail because of what stands under a key. Returns the error as a script may
-- return it; nil: it is done.
local function attempt(what)
    local is_done, failure = pcall(what)
    if not is_done then
        return type(failure) == 'table' and failure or redis.error_reply(failure)
    end
end
