-- Notes what became of claimed jobs. KEYS[1] the claimed set; ARGV base, then "done" or "refused", id, what to note for each. Answers how many were claimed.
local own, settled = ARGV[1] .. 'jobyard:', 0
for i = 2, #ARGV, 3 do
  local fate, id, note = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('ZREM', KEYS[1], id) == 1 then
    redis.call('HSET', own .. fate, id, note)
    if fate == 'done' then redis.call('HDEL', own .. 'request', id) end
    settled = settled + 1
  end
end
return settled
