-- Tries refused jobs again, with new requests. KEYS[1] the claimed set; ARGV base, now, then id, request (JSON) for each. Answers how many.
local base, now = ARGV[1], ARGV[2]
local own, again = base .. 'jobyard:', 0
for i = 3, #ARGV, 2 do
  local id, request = ARGV[i], ARGV[i + 1]
  local from = redis.call('HGET', own .. 'from', id)
  if from and redis.call('HDEL', own .. 'refused', id) == 1 then
    local record = cjson.decode(from)
    record.at = tonumber(now)
    record.tenant = cjson.decode(request).tenant
    redis.call('HSET', own .. 'from', id, cjson.encode(record))
    redis.call('HSET', own .. 'request', id, request)
    redis.call('ZADD', KEYS[1], record.seq, id)
    again = again + 1
  end
end
return again
