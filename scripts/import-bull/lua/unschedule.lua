-- Removes a schedule with its pending iteration. KEYS[1] the set of schedules; ARGV base, member, what to remember of it.
-- Answers 1 when it was there. The iteration of an `every` schedule may wait instead of being delayed.
local base, member, note = ARGV[1], ARGV[2], ARGV[3]
local at = redis.call('ZSCORE', KEYS[1], member)
if not at then return 0 end

local function drop(id)
  local removed = redis.call('ZREM', base .. 'delayed', id) + redis.call('ZREM', base .. 'prioritized', id)
  for _, list in ipairs({ 'wait', 'paused' }) do
    if redis.call('TYPE', base .. list).ok == 'list' then removed = removed + redis.call('LREM', base .. list, 0, id) end
  end
  redis.call('ZREM', base .. 'priority', id)
  if removed > 0 then
    for _, part in ipairs({ '', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }) do redis.call('DEL', base .. id .. part) end
  end
end

for i = 4, #ARGV do drop(ARGV[i] .. at) end
redis.call('ZREM', KEYS[1], member)
redis.call('DEL', KEYS[1] .. ':' .. member)
redis.call('HSET', base .. 'jobyard:schedules', member, note)
return 1
