#!lua flags=allow-oom
-- Which format the data of a namespace is in; where there is none yet, it is ours from now on.
--
-- KEYS: the format
-- ARGV: ours
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
