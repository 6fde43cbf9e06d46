#!lua
-- Keep messages until they are due. The server's clock decides when that is.
--
-- KEYS: delayed messages, due times, wake-up list
-- ARGV: id, payload, delay in milliseconds, id, payload, delay in milliseconds, …
-- Returns how many there were.
-- include: _now_ms
-- include: _delay
local now = now_ms()
for i = 1, #ARGV, 3 do
    delay(KEYS[1], KEYS[2], KEYS[3], ARGV[i], ARGV[i + 1], now + ARGV[i + 2])
end
return #ARGV / 3
