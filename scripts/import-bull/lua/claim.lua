-- Takes jobs out of one list or set. KEYS[1] the claimed set; ARGV base, place, now, generation, then id, sha1 of data, record (JSON), request (JSON) for each.
-- A job is taken only while it is there, may be taken, and has the data that the request was made of. Answers how many; -1 while a rollback is under way or was.
local base, place, now, generation = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local own = base .. 'jobyard:'
if redis.call('EXISTS', own .. 'rollback') == 1 or (redis.call('GET', own .. 'generation') or '0') ~= generation then return -1 end
local isList = place == 'wait' or place == 'paused' or place == 'active'
local taken = 0

local function remove(id)
  if isList then return redis.call('LREM', base .. place, place == 'active' and 1 or -1, id) == 1 and '' or nil end
  local score = redis.call('ZSCORE', base .. place, id)
  if score then redis.call('ZREM', base .. place, id) end
  return score
end

for i = 5, #ARGV, 4 do
  local id, sha, record, request = ARGV[i], ARGV[i + 1], cjson.decode(ARGV[i + 2]), ARGV[i + 3]
  if not why(base, id) and redis.sha1hex(redis.call('HGET', base .. id, 'data')) == sha then
    -- Read before anything is written: an error would leave what was written before it.
    local dedup = redis.call('HGET', base .. id, 'deid')
    local holdsDedup = dedup and redis.call('GET', base .. 'de:' .. dedup) == id
    if holdsDedup then record.dedupTtl = redis.call('PTTL', base .. 'de:' .. dedup) end
    record.priority = redis.call('ZSCORE', base .. 'priority', id) or ''
    local score = remove(id)
    if score then
      record.place, record.score, record.at = place, score, tonumber(now)
      record.seq = redis.call('INCR', own .. 'seq')
      redis.call('ZADD', KEYS[1], record.seq, id)
      redis.call('HSET', own .. 'from', id, cjson.encode(record))
      redis.call('HSET', own .. 'request', id, request)
      redis.call('HDEL', own .. 'done', id)
      redis.call('HDEL', own .. 'refused', id)
      -- A dedup key that stayed would swallow the application's next job of that kind.
      if holdsDedup then redis.call('DEL', base .. 'de:' .. dedup) end
      -- Bull 4 has the ids of prioritized jobs in a set beside the list.
      redis.call('ZREM', base .. 'priority', id)
      if place == 'active' then redis.call('SREM', base .. 'stalled', id) end
      taken = taken + 1
    end
  end
end
return taken
