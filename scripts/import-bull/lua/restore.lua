-- Puts taken jobs back where they were. KEYS[1] the claimed set; ARGV base, library ("bull" or "bullmq"), major, id... with the last taken first.
-- Answers how many; a job whose hash is gone was removed by the application and is forgotten.
local base, isBullmq, major = ARGV[1], ARGV[2] == 'bullmq', ARGV[3]
local own, restored = base .. 'jobyard:', 0
local isPaused = isBullmq and redis.call('HEXISTS', base .. 'meta', 'paused') == 1 or redis.call('EXISTS', base .. 'meta-paused') == 1

local function wake(score)
  if not isBullmq then return end
  if score then
    local marked = redis.call('ZSCORE', base .. 'marker', '1')
    if not marked or tonumber(marked) > score then redis.call('ZADD', base .. 'marker', score, '1') end
  elseif not isPaused then
    redis.call('ZADD', base .. 'marker', 0, '0')
  end
end

local function put(id, from)
  if from.place == 'wait' or from.place == 'paused' then
    local target = isPaused and not (isBullmq and major == '6') and 'paused' or 'wait'
    redis.call('RPUSH', base .. target, id)
    wake()
  elseif from.place == 'active' then
    redis.call('LPUSH', base .. 'active', id)
  else
    redis.call('ZADD', base .. from.place, from.score, id)
    if from.place == 'delayed' then wake(math.floor(tonumber(from.score) / 4096)) elseif from.place == 'prioritized' then wake() end
  end
  if from.priority ~= '' then redis.call('ZADD', base .. 'priority', from.priority, id) end
  local dedup = redis.call('HGET', base .. id, 'deid')
  if dedup and from.dedupTtl then
    if from.dedupTtl > 0 then
      redis.call('SET', base .. 'de:' .. dedup, id, 'NX', 'PX', from.dedupTtl)
    else
      redis.call('SET', base .. 'de:' .. dedup, id, 'NX')
    end
  end
end

for i = 4, #ARGV do
  local id = ARGV[i]
  local from = redis.call('HGET', own .. 'from', id)
  if from then
    if redis.call('EXISTS', base .. id) == 1 then
      put(id, cjson.decode(from))
      restored = restored + 1
    end
    redis.call('ZREM', KEYS[1], id)
    for _, hash in ipairs({ 'from', 'request', 'done', 'refused', 'back' }) do redis.call('HDEL', own .. hash, id) end
  end
end
return restored
